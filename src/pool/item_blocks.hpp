#pragma once
// Lays out items in shared memory, in blocks that are reused.

#include <brood/detail/item_blocks.hpp>
#include <cstring>
#include <exception>
#include <memory>
#include <span>
#include <vector>

namespace brood::detail {

/// One chunk of the arena, so that reused blocks stay in the caches.
inline constexpr std::size_t usual_block = (std::size_t{64} << 10) - 64;

/// Adjacent items of the input, in a block that is reused when they are done.
struct ItemBlock {
  SharedBlock memory;
  std::size_t before = 0, items = 0;  // number of input items before this block, and in it
  std::vector<ItemName> names;
  HeldNames held;  // keeps named objects alive: the original items may be gone before submission

  void make_room(std::size_t bytes, std::size_t count);
  void hold(std::size_t item, const Names& its_names);
};

/// Some items of a block.
struct BlockPart {
  std::shared_ptr<ItemBlock> block;
  std::size_t first = 0, count = 0;

  /// The index in the input of this part's first item.
  std::size_t item() const { return block->before + first; }
  std::span<const ItemName> names() const;
  /// Cuts off at most n from its front.
  BlockPart take(std::size_t n);
  void pass(std::size_t n) {
    first += n;
    count -= n;
  }
};

/// Lays out the items of an input, which must stay in place until close().
class ItemBlocks {
 public:
  ItemBlocks(ItemReader& items, const MapTypes& types, ChunkPlan plan)
      : plan_(plan), types_(types), items_(items), encoded_(types, plan.chunksize) {}

  /// The number of items left to read, if known.
  std::size_t left() const { return is_closed_ ? 0 : items_.left(); }
  /// The number of items read in total, and by the last lay_out that read any.
  std::size_t items_read() const { return read_; }
  std::size_t last_size() const { return last_size_; }
  /// Why reading stopped before the end: an exception from the input or a codec, or the reason given to
  /// stop().
  const std::exception_ptr& broken() const { return broken_; }

  /// Lays out at most n of the next items; fewer when they do not fit or take long to read. None at the end
  /// and when broken.
  BlockPart lay_out(std::size_t n);
  /// Lays out the next items when all are laid out in advance: as many as fit into one block, or whole chunks
  /// if the chunk size is given.
  BlockPart lay_out_block();
  /// True when there is another item; false when broken.
  bool has_more();
  /// Stops reading, for this reason.
  void stop(const std::exception_ptr& why) { broken_ = why; }
  /// Ends reading: the range may be destroyed afterwards.
  void close();
  bool is_closed() const { return is_closed_; }
  /// Returns a block for reuse, unless other parts of it are in flight.
  void give_free(std::shared_ptr<ItemBlock> block);

 private:
  std::size_t plain_in(std::size_t bytes) const;
  std::uint64_t reading_time() const;
  void lay_out_plain(BlockPart& part, std::size_t n);
  void lay_out_encoded(BlockPart& part, std::size_t n);
  std::shared_ptr<ItemBlock> take_block();

  const ChunkPlan plan_;
  const MapTypes types_;
  ItemReader& items_;  // used until close()
  std::size_t read_ = 0, last_size_ = 1;
  bool is_closed_ = false;
  std::exception_ptr broken_;
  std::vector<std::shared_ptr<ItemBlock>> free_;
  EncodedItems encoded_;
};

}  // namespace brood::detail
