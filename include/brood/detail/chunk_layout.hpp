#pragma once
// Where the items of a chunk, what became of each, and the results lie in shared memory. What the other side
// wrote may be noise: it is read once, and checked.

#include <algorithm>
#include <atomic>
#include <brood/codec.hpp>
#include <brood/shared_block.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>

namespace brood::detail {

enum class ItemState : std::uint8_t { untouched = 0, begun = 1, done = 2 };

/// Which items, of how many in the block; and after how long to come back with what is left (0: never).
struct Chunk {
  std::uint64_t first = 0, count = 0, all = 0;
  std::uint64_t nanoseconds = 0;
};

/// A shared object that an item names.
struct ItemName {
  std::uint64_t item, object;
};

/// Results that are a row of one size each beside the items; others lie in a block of their own.
template <class R>
constexpr bool is_of_one_size() {
  if constexpr (std::is_void_v<R>)
    return true;
  else
    return is_plain<R>() || std::is_same_v<R, bool>;
}
template <class R>
constexpr std::size_t size_in_row() {
  if constexpr (std::is_void_v<R> || !is_of_one_size<R>())
    return 0;
  else
    return sizeof(R);
}

constexpr std::size_t whole_lines(std::size_t n) { return (n + 63) / 64 * 64; }

/// Plain items, and results of one size, are rows of sizeof; other items are encoded, and `starts` says where
/// each begins.
template <class Item, class R>
class ChunkLayout {
 public:
  static constexpr bool plain_items = is_plain<Item>();
  static constexpr std::size_t result_size = size_in_row<R>();

  static std::size_t size(std::size_t items, std::size_t encoded) {
    return items_at(items) + (plain_items ? items * sizeof(Item) : encoded);
  }

  /// Throws DecodeError when the block is too small for so many.
  ChunkLayout(const SharedBlock& block, std::uint64_t items)
      : base_(block.data()), items_(items), size_(block.size()) {
    if (items > block.size() || size(items, 0) > block.size()) {
      throw DecodeError("a chunk of a map does not fit the block of its items");
    }
  }

  /// Its writer releases, its reader acquires: the result is there when it is done.
  std::atomic_ref<ItemState> state(std::size_t i) const {
    return std::atomic_ref<ItemState>(reinterpret_cast<ItemState*>(base_)[i]);
  }
  std::size_t first_not_done(std::size_t from, std::size_t end) const {
    while (from != end && state(from).load(std::memory_order_acquire) == ItemState::done) ++from;
    return from;
  }
  std::byte* result(std::size_t i) const { return base_ + results_at(items_) + i * result_size; }
  std::byte* plain_item(std::size_t i) const { return base_ + items_at(items_) + i * sizeof(Item); }
  void set_start(std::size_t i, std::uint64_t at) const {
    std::memcpy(base_ + starts_at(items_) + i * sizeof at, &at, sizeof at);
  }
  std::byte* encoded() const { return base_ + items_at(items_); }
  /// The rest of the block from there.
  Reader encoded_item(std::size_t i) const {
    std::uint64_t at = 0;
    std::memcpy(&at, base_ + starts_at(items_) + i * sizeof at, sizeof at);
    const auto room = size_ - items_at(items_);
    if (at > room) throw DecodeError("an item of a map has been overwritten");
    return Reader(encoded() + at, room - at);
  }

 private:
  static std::size_t results_at(std::size_t items) { return whole_lines(items); }
  static std::size_t starts_at(std::size_t items) {
    return results_at(items) + whole_lines(items * result_size);
  }
  static std::size_t items_at(std::size_t items) {
    return starts_at(items) + (plain_items ? 0 : whole_lines(items * sizeof(std::uint64_t)));
  }

  std::byte* base_;
  std::size_t items_, size_;
};

/// The results of a task that are not of one size: one behind the other, after a row that says where each
/// ends. As many as fit; the one that does not travels as the task's own result.
class ResultRow {
  using End = std::uint32_t;

 public:
  static std::size_t size(std::size_t items, std::size_t bytes) {
    return whole_lines(items * sizeof(End)) + bytes;
  }
  /// Throws DecodeError when the block is too small for so many.
  ResultRow(const SharedBlock& block, std::uint64_t items)
      : base_(block.data()), begin_(size(items, 0)), size_(block.size()) {
    if (items > block.size() || begin_ > size_) {
      throw DecodeError("a chunk of a map does not fit the block of its results");
    }
  }

  /// False when it does not fit, or names shared objects, which nobody would hold here. In turn.
  template <class R>
  bool put(std::size_t i, const R& value) {
    Writer to(base_ + begin_ + used_, size_ - begin_ - used_);
    to.value(value);
    if (!to.fits() || !to.handles().empty()) return false;
    const auto all = used_ + to.written();
    if (all > std::numeric_limits<End>::max()) return false;
    used_ = all;
    const auto end = static_cast<End>(all);
    std::memcpy(base_ + i * sizeof end, &end, sizeof end);
    return true;
  }
  /// Throws DecodeError when that has been overwritten.
  std::span<const std::byte> get(std::size_t i) const {
    const auto begin = i == 0 ? 0 : end_of(i - 1);
    const auto end = end_of(i);
    if (begin > end || end > size_ - begin_) throw DecodeError("a result of a map has been overwritten");
    return {base_ + begin_ + begin, end - begin};
  }

 private:
  std::size_t end_of(std::size_t i) const {
    End end = 0;
    std::memcpy(&end, base_ + i * sizeof end, sizeof end);
    return end;
  }

  std::byte* base_;
  std::size_t begin_, size_;
  std::size_t used_ = 0;
};

/// What the task of a chunk returns: how long it took; and the last result where there was no place for it.
template <class R>
struct ChunkEnd {
  std::uint64_t nanoseconds = 0;
  std::optional<R> last;
};
template <class R>
  requires(is_of_one_size<R>())
struct ChunkEnd<R> {
  std::uint64_t nanoseconds = 0;
};

/// A look at the clock, seldom enough for tiny items.
class SeldomLook {
 public:
  /// After each item: true when it has found more than so long since it was made (0: never).
  bool is_past(std::uint64_t nanoseconds) {
    if (--left_ != 0) return false;
    const auto now = Clock::now();
    if (nanoseconds != 0 && now - begin_ > std::chrono::nanoseconds(nanoseconds)) return true;
    stride_ = now - seen_ < std::chrono::microseconds(2) ? std::min<std::uint64_t>(stride_ * 2, 256) : 1;
    left_ = stride_;
    seen_ = now;
    return false;
  }
  /// Nanoseconds since it was made.
  std::uint64_t spent() const {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - begin_).count());
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now(), seen_ = begin_;
  std::uint64_t stride_ = 1, left_ = 1;
};

}  // namespace brood::detail
