#pragma once
// The items of a map, read from their range and laid out in shared memory for the tasks that work on them.

#include <algorithm>
#include <brood/detail/chunk_layout.hpp>
#include <brood/detail/input.hpp>
#include <brood/detail/names.hpp>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace brood::detail {

/// How far to go at a time.
struct ChunkPlan {
  std::size_t chunksize = 0;  // as given; 0: as measured
  bool lazy = false;  // results are wanted as soon as they are there, and no more is read than that takes
};

/// One chunk of the arena: what is used again stays in the caches.
inline constexpr std::size_t usual_block = (std::size_t{64} << 10) - 64;

/// Items that stand next to each other in the input, in a block that is used again when they are done.
struct ItemBlock {
  SharedBlock memory;
  std::size_t before = 0, items = 0;  // how many of the input come before it, and how many are in it
  std::vector<ItemName> names;
  HeldNames held;  // the items themselves may be gone when they are submitted

  void make_room(std::size_t bytes, std::size_t count) {
    if (memory.size() < bytes) {
      memory = SharedBlock();  // its place may be used for the new one
      memory = SharedBlock(std::max(bytes, usual_block));
    }
    items = count;
    std::memset(memory.data(), 0, count);
  }
  void hold(std::size_t item, const Names& its_names) {
    if (its_names.empty()) return;
    held.add(HeldNames::of(its_names));
    for (const auto object : its_names) names.push_back({item, object});
  }
};

/// Some items of a block.
struct BlockPart {
  std::shared_ptr<ItemBlock> block;
  std::size_t first = 0, count = 0;

  /// Where its first stands in the input.
  std::size_t item() const { return block->before + first; }
  std::span<const ItemName> names() const {
    const auto& all = block->names;
    const auto from = std::ranges::lower_bound(all, first, {}, &ItemName::item);
    const auto to = std::ranges::lower_bound(all, first + count, {}, &ItemName::item);
    return {from, to};
  }
  /// Cuts off at most n from its front.
  BlockPart take(std::size_t n) {
    BlockPart part{block, first, std::min(count, n)};
    pass(part.count);
    return part;
  }
  void pass(std::size_t n) {
    first += n;
    count -= n;
  }
};

/// R: what comes of an item, for which there is a place beside it. The range stays where it is until it is
/// closed.
template <class Item, class R, class Range>
class ItemBlocks {
 public:
  ItemBlocks(Range& items, ChunkPlan plan) : plan_(plan), input_(items) {}

  Input<Range, Item>& input() { return input_; }
  const Input<Range, Item>& input() const { return input_; }
  /// How many items have been read; and by the last lay_out that read any.
  std::size_t items_read() const { return read_; }
  std::size_t last_size() const { return last_size_; }
  /// Why no more is read before the end: what the input threw, or a codec, or the reason of stop.
  const std::exception_ptr& broken() const { return broken_; }

  /// At most n of the next items; fewer where they do not fit, and where they take long to read. None at the
  /// end, and when it is broken.
  BlockPart lay_out(std::size_t n) {
    if (n == 0 || broken_) return {};
    BlockPart part{take_block(), 0, 0};
    try {
      if constexpr (Layout::plain_items)
        lay_out_plain(part, n);
      else
        lay_out_encoded(part, n);
    } catch (...) {
      broken_ = std::current_exception();
    }
    if (part.count == 0) {
      give_free(std::move(part.block));
      return part;
    }
    part.block->before = read_;
    read_ += part.count;
    last_size_ = part.count;
    return part;
  }
  /// The next items, when all are laid out beforehand: so many as one block has, or whole chunks where their
  /// size is given.
  BlockPart lay_out_block() {
    if (!Layout::plain_items || plan_.chunksize == 0) return lay_out(std::numeric_limits<std::size_t>::max());
    return lay_out(std::max<std::size_t>(1, plain_in(most_bytes_plain) / plan_.chunksize) * plan_.chunksize);
  }
  /// Whether there is another item. Not when it is broken.
  bool has_more() {
    try {
      return !broken_ && input_.peek() != nullptr;
    } catch (...) {
      broken_ = std::current_exception();
      return false;
    }
  }
  /// No more is read, for this reason.
  void stop(const std::exception_ptr& why) { broken_ = why; }
  /// All has been read: the range may go.
  void close() {
    input_.close();
    is_closed_ = true;
  }
  bool is_closed() const { return is_closed_; }
  /// It is laid out anew, unless other parts of it are on their way.
  void give_free(std::shared_ptr<ItemBlock> block) {
    if (block.use_count() != 1 || is_closed_) return;
    block->names.clear();
    block->held = HeldNames();
    free_.push_back(std::move(block));
  }

 private:
  using Layout = ChunkLayout<Item, R>;
  // Four usual ones for plain items that are there already, so that a worker is woken once for some ten
  // thousand of the smallest.
  static constexpr std::size_t most_bytes_plain = (std::size_t{256} << 10) - 64;
  // Of plain ones; three rows begin at multiples of 64.
  static constexpr std::size_t plain_in(std::size_t bytes) {
    return std::max<std::size_t>(1, (bytes - 3 * 64) / (sizeof(Item) + Layout::result_size + 1));
  }
  static constexpr std::uint64_t most_reading = 250'000;  // nanoseconds
  std::uint64_t reading_time() const { return plan_.lazy && plan_.chunksize == 0 ? most_reading : 0; }

  void lay_out_plain(BlockPart& part, std::size_t n) {
    if (plan_.chunksize == 0) n = std::min(n, plain_in(plan_.lazy ? usual_block : most_bytes_plain));
    if constexpr (Input<Range, Item>::is_sized) n = std::min(n, std::max<std::size_t>(1, input_.left()));
    if constexpr (Input<Range, Item>::is_array) {
      n = std::min(n, input_.left());
      if (n == 0) return;
      part.block->make_room(Layout::size(n, 0), n);
      std::memcpy(Layout(part.block->memory, n).plain_item(0), input_.data(), n * sizeof(Item));
      input_.pass(n);
      part.count = n;
    } else {
      const Item* item = input_.peek();
      if (item == nullptr) return;
      part.block->make_room(Layout::size(n, 0), n);
      const Layout layout(part.block->memory, n);
      SeldomLook clock;
      do {
        std::memcpy(layout.plain_item(part.count++), item, sizeof(Item));
        input_.pass();
      } while (part.count != n && !clock.is_past(reading_time()) && (item = input_.peek()) != nullptr);
    }
  }

  void lay_out_encoded(BlockPart& part, std::size_t n) {
    starts_.clear();
    encoded_.clear();
    SeldomLook clock;
    try {
      for (const Item* item = nullptr; starts_.size() != n && (item = input_.peek()) != nullptr;) {
        Writer measure(nullptr, 0);
        encode<Item>(measure, *item);
        const auto size = measure.written();
        if (!fits(size)) {
          if (starts_.empty()) lay_out_alone(part, *item, size, measure.handles());
          break;
        }
        const auto at = encoded_.size();
        encoded_.resize(at + size);
        Writer to(encoded_.data() + at, size);
        encode<Item>(to, *item);
        part.block->hold(starts_.size(), measure.handles());
        starts_.push_back(at);
        input_.pass();
        if (clock.is_past(reading_time())) break;
      }
    } catch (...) {  // after those before it
      broken_ = std::current_exception();
    }
    if (starts_.empty()) return;
    const auto count = starts_.size();
    part.block->make_room(Layout::size(count, encoded_.size()), count);
    const Layout layout(part.block->memory, count);
    for (std::size_t i = 0; i != count; ++i) layout.set_start(i, starts_[i]);
    std::memcpy(layout.encoded(), encoded_.data(), encoded_.size());
    part.count = count;
  }
  // Beside those that are encoded already.
  bool fits(std::size_t size) const {
    const auto before = starts_.size();
    const bool in_chunk = plan_.chunksize != 0 && (before == 0 || before % plan_.chunksize != 0);
    return in_chunk || Layout::size(before + 1, encoded_.size() + size) <= usual_block;
  }
  // One that is larger than a usual block.
  void lay_out_alone(BlockPart& part, const Item& item, std::size_t size, const Names& names) {
    part.block->make_room(Layout::size(1, size), 1);
    const Layout layout(part.block->memory, 1);
    layout.set_start(0, 0);
    Writer to(layout.encoded(), size);
    encode<Item>(to, item);
    part.block->hold(0, names);
    input_.pass();
    part.count = 1;
  }

  std::shared_ptr<ItemBlock> take_block() {
    if (free_.empty()) return std::make_shared<ItemBlock>();
    auto block = std::move(free_.back());
    free_.pop_back();
    return block;
  }

  const ChunkPlan plan_;
  Input<Range, Item> input_;
  std::size_t read_ = 0, last_size_ = 1;
  bool is_closed_ = false;
  std::exception_ptr broken_;
  std::vector<std::shared_ptr<ItemBlock>> free_;
  std::vector<std::uint64_t> starts_;  // of the items that are laid out now
  std::vector<std::byte> encoded_;
};

}  // namespace brood::detail
