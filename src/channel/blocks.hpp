#pragma once
// The blocks of a queue: where values lie. A block's number is {class 4 | index 28}.

#include <brood/detail/queue_core.hpp>
#include <cstdint>
#include <vector>

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
  std::uint32_t fill(const detail::EncodeValue& value, std::uint32_t me, std::vector<std::uint64_t>& handles);
  /// The value of a block that is mine.
  Reader read(std::uint32_t block);
  /// A block that is mine becomes free, with all it names.
  void release(std::uint32_t block);

  Block& at(std::uint32_t block);
  /// A dead writer's block.
  void drop_filling(std::uint32_t block, BlockWord word);
  void for_each_of(std::uint32_t owner, FunctionRef<void(std::uint32_t, BlockWord)> f);
  void adopt_all();
  void free_all();

 private:
  std::size_t room(std::uint32_t size_class) const { return q_.block_size[size_class] - Block::head_size; }
  std::uint32_t blocks_in(std::uint32_t size_class) const;
  std::uint32_t take_free(std::uint32_t size_class, std::uint32_t me);
  bool try_take(std::uint32_t block, std::uint32_t me);
  std::uint32_t grow(std::uint32_t size_class);
  void write(Block& block, std::size_t capacity, const detail::EncodeValue& value, std::size_t size,
             std::vector<std::uint64_t>& handles);

  QueueObject& q_;
  std::uint64_t object_;
};

}  // namespace brood::channel
