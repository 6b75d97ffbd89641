#pragma once
// Items laid out in shared memory, in blocks that are used again.

#include <brood/detail/item_blocks.hpp>
#include <cstring>
#include <exception>
#include <memory>
#include <span>
#include <vector>

namespace brood::detail {

/// One chunk of the arena: what is used again stays in the caches.
inline constexpr std::size_t usual_block = (std::size_t{64} << 10) - 64;

/// Items that stand next to each other in the input, in a block that is used again when they are done.
struct ItemBlock {
  SharedBlock memory;
  std::size_t before = 0, items = 0;  // how many of the input come before it, and how many are in it
  std::vector<ItemName> names;
  HeldNames held;  // the items themselves may be gone when they are submitted

  void make_room(std::size_t bytes, std::size_t count);
  void hold(std::size_t item, const Names& its_names);
};

/// Some items of a block.
struct BlockPart {
  std::shared_ptr<ItemBlock> block;
  std::size_t first = 0, count = 0;

  /// Where its first stands in the input.
  std::size_t item() const { return block->before + first; }
  std::span<const ItemName> names() const;
  /// Cuts off at most n from its front.
  BlockPart take(std::size_t n);
  void pass(std::size_t n) {
    first += n;
    count -= n;
  }
};

/// The items stay where they are until they are closed.
class ItemBlocks {
 public:
  ItemBlocks(ItemReader& items, const MapTypes& types, ChunkPlan plan)
      : plan_(plan), types_(types), items_(items), encoded_(types, plan.chunksize) {}

  /// How many are there to be read, where that is known.
  std::size_t left() const { return is_closed_ ? 0 : items_.left(); }
  /// How many items have been read; and by the last lay_out that read any.
  std::size_t items_read() const { return read_; }
  std::size_t last_size() const { return last_size_; }
  /// Why no more is read before the end: what the input threw, or a codec, or the reason of stop.
  const std::exception_ptr& broken() const { return broken_; }

  /// At most n of the next items; fewer where they do not fit, and where they take long to read. None at the
  /// end, and when it is broken.
  BlockPart lay_out(std::size_t n);
  /// The next items, when all are laid out beforehand: so many as one block has, or whole chunks where their
  /// size is given.
  BlockPart lay_out_block();
  /// Whether there is another item. Not when it is broken.
  bool has_more();
  /// No more is read, for this reason.
  void stop(const std::exception_ptr& why) { broken_ = why; }
  /// All has been read: the range may go.
  void close();
  bool is_closed() const { return is_closed_; }
  /// It is laid out anew, unless other parts of it are on their way.
  void give_free(std::shared_ptr<ItemBlock> block);

 private:
  std::size_t plain_in(std::size_t bytes) const;
  std::uint64_t reading_time() const;
  void lay_out_plain(BlockPart& part, std::size_t n);
  void lay_out_encoded(BlockPart& part, std::size_t n);
  std::shared_ptr<ItemBlock> take_block();

  const ChunkPlan plan_;
  const MapTypes types_;
  ItemReader& items_;  // until it is closed
  std::size_t read_ = 0, last_size_ = 1;
  bool is_closed_ = false;
  std::exception_ptr broken_;
  std::vector<std::shared_ptr<ItemBlock>> free_;
  EncodedItems encoded_;
};

}  // namespace brood::detail
