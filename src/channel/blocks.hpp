#pragma once
// The blocks of a queue: where values lie. A block's number is {class 4 | index 28}.

#include <brood/detail/names.hpp>
#include <brood/detail/queue_core.hpp>
#include <cstdint>

#include "base/function_ref.hpp"
#include "channel/queue_layout.hpp"

namespace brood::channel {

class Blocks {
 public:
  Blocks(QueueObject& queue, std::uint64_t object) : q_(queue), object_(object) {}

  /// Sizes of the classes: the first one fits the values whose size their type tells.
  static void choose_sizes(QueueObject& queue, std::size_t size_hint);

  /// A block with the value in it, complete and mine; the objects that it names are counted. Throws NoMemory,
  /// and what the encoding throws.
  std::uint32_t fill(const detail::EncodeValue& value, std::uint32_t me);
  /// Decodes the value of a block that is mine, and releases the block, also when that throws.
  void take(std::uint32_t block, const detail::DecodeValue& value);
  /// A block whose value nobody will have becomes free, and what it names is given back.
  void drop(std::uint32_t block);
  /// The value of a reader that died goes back: with a reference again of each object that it had taken over.
  void restore_names(std::uint32_t block, std::uint32_t dead);

  Block& at(std::uint32_t block);
  void for_each_of(std::uint32_t owner, FunctionRef<void(std::uint32_t, BlockWord)> f);
  void adopt_all();
  void free_all();  // with the values in them

 private:
  struct Bytes {
    const std::byte* at;
    Content content;
  };
  Bytes bytes_of(std::uint32_t block);
  detail::Names names_in(const Bytes& bytes) const;
  void release(std::uint32_t block);

  std::size_t room(std::uint32_t size_class) const { return q_.block_size[size_class] - Block::head_size; }
  std::uint32_t blocks_in(std::uint32_t size_class) const;
  std::uint32_t take_free(std::uint32_t size_class, std::uint32_t me);
  bool try_take(std::uint32_t block, std::uint32_t me);
  std::uint32_t grow(std::uint32_t size_class);
  Content measure(const detail::EncodeValue& value) const;
  void write(Block& block, std::size_t capacity, const detail::EncodeValue& value, Content content);

  QueueObject& q_;
  std::uint64_t object_;
};

}  // namespace brood::channel
