#pragma once
// The blocks of a queue, which hold its values. A block's number is {class 4 | index 28}.

#include <brood/detail/names.hpp>
#include <brood/detail/queue_core.hpp>
#include <cstdint>

#include "base/function_ref.hpp"
#include "channel/queue_layout.hpp"

namespace brood::channel {

/// The layout of a queue: copied from it once, checked, and only then trusted, since any process can
/// overwrite a queue.
struct Shape {
  std::uint64_t max_size = 0;
  std::uint32_t value_words = 0;
  std::uint32_t block_size[size_classes];
  std::uint32_t first_group[size_classes];  // blocks in the first group of a class; later ones double

  /// The layout for values of `size_hint` bytes; 0: the type does not determine their size.
  static Shape for_values(std::uint64_t max_size, std::size_t size_hint);
  /// Throws DecodeError.
  static Shape of(const QueueObject& queue);

 private:
  Shape(std::uint64_t most, std::uint32_t words, std::uint32_t smallest_block);
};

class Blocks {
 public:
  Blocks(QueueObject& queue, std::uint64_t object, const Shape& shape)
      : q_(queue), object_(object), shape_(shape) {}

  /// Returns a complete block with the value in it, owned by `me`; the objects that the value names are
  /// counted. Throws NoMemory, and what the encoding throws.
  std::uint32_t fill(const detail::EncodeValue& value, std::uint32_t me);
  /// Decodes the value of a block owned by this process, and releases the block even if decoding throws.
  void take(std::uint32_t block, const detail::DecodeValue& value);
  /// Frees a block whose value nobody will take any more, and drops its references to the objects it names.
  /// Idempotent: continues what another process had begun of this.
  void drop(std::uint32_t block) noexcept;

  /// The block with this number. Throws DecodeError for an impossible number.
  Block& at(std::uint32_t block);
  void for_each_of(std::uint32_t owner, FunctionRef<void(std::uint32_t, BlockWord)> f);
  void adopt_all();
  void free_all();  // with the values in them

 private:
  struct Bytes {
    const std::byte* at;
    Content content;
  };
  Bytes bytes_of(const Block& b, std::uint32_t block) const;
  detail::Names names_in(const Bytes& bytes) const;
  void release(Block& b, std::uint32_t block) noexcept;
  static void leave(Block& b) noexcept;

  std::byte* group_at(std::uint32_t size_class, std::uint32_t group) const;
  std::size_t room(std::uint32_t size_class) const {
    return shape_.block_size[size_class] - Block::head_size;
  }
  std::uint32_t blocks_in(std::uint32_t size_class) const;
  struct Numbered {
    Block& block;
    std::uint32_t number;
  };
  Numbered take_free(std::uint32_t size_class, std::uint32_t me);
  static bool try_take(Block& block, std::uint32_t me);
  void grow(std::uint32_t size_class, std::uint32_t blocks, std::uint32_t me);
  Content measure(const detail::EncodeValue& value) const;
  void write(Block& block, std::size_t capacity, const detail::EncodeValue& value, Content content);

  QueueObject& q_;
  std::uint64_t object_;
  const Shape& shape_;
};

}  // namespace brood::channel
