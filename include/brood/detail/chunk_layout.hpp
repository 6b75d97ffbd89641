#pragma once
// The layout of a chunk in shared memory: its items, the state of each, and the results. The other process
// may have written garbage, so everything is read once and checked.

#include <atomic>
#include <brood/codec.hpp>
#include <brood/shared_block.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace brood::detail {

enum class ItemState : std::uint8_t { untouched = 0, begun = 1, done = 2 };

/// The range of a chunk's items, the number of items in the block, and the time after which the task returns
/// unfinished items (0: never).
struct Chunk {
  std::uint64_t first = 0, count = 0, all = 0;
  std::uint64_t nanoseconds = 0;
};

/// A shared object that an item names.
struct ItemName {
  std::uint64_t item, object;
};

/// True for results of a fixed size, which form a row beside the items; others go into a block of their own.
template <class R>
constexpr bool is_of_one_size() {
  if constexpr (std::is_void_v<R>)
    return true;
  else
    return is_plain<R>() || std::is_same_v<R, bool>;
}

/// The facts about a map's types that untyped code needs. Only the code that reads, calls and decodes is a
/// template; the rest is compiled once, in the library.
struct MapTypes {
  std::size_t item_size = 0;    // size of a plain item; 0: items are encoded
  std::size_t result_size = 0;  // size of a fixed-size result
  bool in_rows = false;         // results have a fixed size, or there are none
};
template <class Item, class R>
constexpr MapTypes map_types() {
  MapTypes types;
  if constexpr (is_plain<Item>()) types.item_size = sizeof(Item);
  if constexpr (is_of_one_size<R>()) types.in_rows = true;
  if constexpr (is_of_one_size<R>() && !std::is_void_v<R>) types.result_size = sizeof(R);
  return types;
}

constexpr std::size_t whole_lines(std::size_t n) { return (n + 63) / 64 * 64; }

/// A row of states; plain items and fixed-size results are rows with a stride of sizeof; other items are
/// encoded, and a row of `starts` holds the offset of each.
class ChunkLayout {
 public:
  static std::size_t size(const MapTypes& types, std::size_t items, std::size_t encoded);

  /// The layout of a block with `items` items. Throws DecodeError when the block is too small for them.
  ChunkLayout(const MapTypes& types, const SharedBlock& block, std::uint64_t items) {
    // Assigned from a local, so that the address of rows_ never escapes: a worker's loop can then keep it in
    // registers.
    const Rows rows = rows_of(types, block, items);
    rows_ = rows;
  }

  /// The state of item i. The worker stores `done` with release after writing the result, and readers load
  /// with acquire, so the result is visible when the state is `done`.
  std::atomic_ref<ItemState> state(std::size_t i) const {
    return std::atomic_ref<ItemState>(reinterpret_cast<ItemState*>(rows_.states)[i]);
  }
  std::size_t first_not_done(std::size_t from, std::size_t end) const;
  /// The rows of results and of items; for encoded items, the first one's bytes.
  std::byte* results() const { return rows_.results; }
  std::byte* items() const { return rows_.items; }
  void set_start(std::size_t i, std::uint64_t at) const {
    std::memcpy(rows_.starts + i * sizeof at, &at, sizeof at);
  }
  /// A Reader from item i to the end of the block.
  Reader encoded_item(std::size_t i) const {
    std::uint64_t at = 0;
    std::memcpy(&at, rows_.starts + i * sizeof at, sizeof at);
    const auto room = static_cast<std::size_t>(rows_.end - rows_.items);
    if (at > room) item_overwritten();
    return Reader(rows_.items + at, room - at);
  }

 private:
  struct Rows {
    std::byte *states, *results, *starts, *items, *end;
  };
  static Rows rows_of(const MapTypes& types, const SharedBlock& block, std::uint64_t items);
  [[noreturn]] static void item_overwritten();
  Rows rows_;
};

/// A task's results of varying size: stored one after another, preceded by a row of their end offsets. It
/// holds as many as fit; the one that does not fit travels as the task's own result.
class ResultRow {
  using End = std::uint32_t;

 public:
  static std::size_t size(std::size_t items, std::size_t bytes) {
    return whole_lines(items * sizeof(End)) + bytes;
  }
  /// The row of a block for `items` results. Throws DecodeError when the block is too small.
  ResultRow(const SharedBlock& block, std::uint64_t items);

  /// Stores result i; results are stored in order. False when it does not fit, or when it names shared
  /// objects, which nothing would keep alive here.
  template <class R>
  bool put(std::size_t i, const R& value) {
    Writer to(base_ + begin_ + used_, size_ - begin_ - used_);
    to.value(value);
    return note(i, to);
  }
  /// The bytes of result i. Throws DecodeError when the offsets have been overwritten.
  std::span<const std::byte> get(std::size_t i) const;

 private:
  bool note(std::size_t i, const Writer& written);
  std::size_t end_of(std::size_t i) const;

  std::byte* base_;
  std::size_t begin_, size_;
  std::size_t used_ = 0;
};

/// Checks the clock rarely enough for tiny items. Everything except reading the clock is inline, so that
/// loops keep it in registers.
class SeldomLook {
 public:
  /// Call after each item: true when it has noticed that more than this time has passed since construction
  /// (0: never).
  bool is_past(std::uint64_t nanoseconds) { return --left_ == 0 && look(nanoseconds); }
  /// For tight loops, which call look() themselves: the number of items after which to do so.
  std::uint64_t stride() const { return stride_; }
  bool look(std::uint64_t nanoseconds) {
    const auto now = now_in_nanoseconds();
    if (nanoseconds != 0 && now - begin_ > nanoseconds) return true;
    if (now - seen_ >= 2000)
      stride_ = 1;
    else if (stride_ != 256)
      stride_ *= 2;
    left_ = stride_;
    seen_ = now;
    return false;
  }
  /// Nanoseconds since construction.
  std::uint64_t spent() const { return now_in_nanoseconds() - begin_; }

 private:
  static std::uint64_t now_in_nanoseconds();
  std::uint64_t begin_ = now_in_nanoseconds(), seen_ = begin_;
  std::uint64_t stride_ = 1, left_ = 1;
};

/// The arguments of a map's task besides the function that it calls.
struct ChunkTask {
  SharedBlock items;
  SharedBlock results;  // for results of varying size
  Chunk chunk;

  void write(Writer& to, const MapTypes& types) const;
  /// Throws DecodeError.
  static ChunkTask read(Reader& from, const MapTypes& types);
};

}  // namespace brood::detail
