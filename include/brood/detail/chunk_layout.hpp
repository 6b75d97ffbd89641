#pragma once
// The layout of a chunk in shared memory: its items, the state of each, and the results. The other side may
// have written noise, so everything is read once and checked.

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

/// All that code which handles only bytes must know of a map's types. Only the code that reads, calls and
/// decodes is a template; the rest is compiled once, in the library.
struct MapTypes {
  std::size_t item_size = 0;    // of plain items; 0: they are encoded
  std::size_t result_size = 0;  // of results of one size
  bool in_rows = false;         // they are of one size, or there are none
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

/// A row of states; plain items, and results of one size, are rows of sizeof; other items are encoded, and a
/// row of `starts` says where each begins.
class ChunkLayout {
 public:
  static std::size_t size(const MapTypes& types, std::size_t items, std::size_t encoded);

  /// Throws DecodeError when the block is too small for so many.
  ChunkLayout(const MapTypes& types, const SharedBlock& block, std::uint64_t items) {
    // Copied, so that nobody else has this object's address: a worker's loop then keeps it in registers.
    const Rows rows = rows_of(types, block, items);
    rows_ = rows;
  }

  /// Its writer releases, its reader acquires: the result is there when it is done.
  std::atomic_ref<ItemState> state(std::size_t i) const {
    return std::atomic_ref<ItemState>(reinterpret_cast<ItemState*>(rows_.states)[i]);
  }
  std::size_t first_not_done(std::size_t from, std::size_t end) const;
  /// The rows; or the encoded items.
  std::byte* results() const { return rows_.results; }
  std::byte* items() const { return rows_.items; }
  void set_start(std::size_t i, std::uint64_t at) const {
    std::memcpy(rows_.starts + i * sizeof at, &at, sizeof at);
  }
  /// The rest of the block from there.
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

/// The results of a task that are not of one size: one behind the other, after a row that says where each
/// ends. As many as fit; the one that does not travels as the task's own result.
class ResultRow {
  using End = std::uint32_t;

 public:
  static std::size_t size(std::size_t items, std::size_t bytes) {
    return whole_lines(items * sizeof(End)) + bytes;
  }
  /// Throws DecodeError when the block is too small for so many.
  ResultRow(const SharedBlock& block, std::uint64_t items);

  /// False when it does not fit, or names shared objects, which nobody would hold here. In turn.
  template <class R>
  bool put(std::size_t i, const R& value) {
    Writer to(base_ + begin_ + used_, size_ - begin_ - used_);
    to.value(value);
    return note(i, to);
  }
  /// Throws DecodeError when that has been overwritten.
  std::span<const std::byte> get(std::size_t i) const;

 private:
  bool note(std::size_t i, const Writer& written);
  std::size_t end_of(std::size_t i) const;

  std::byte* base_;
  std::size_t begin_, size_;
  std::size_t used_ = 0;
};

/// A look at the clock, seldom enough for tiny items. Inline but for the clock, so that loops keep it in
/// registers.
class SeldomLook {
 public:
  /// After each item: true when it has found more than so long since it was made (0: never).
  bool is_past(std::uint64_t nanoseconds) { return --left_ == 0 && look(nanoseconds); }
  /// The same for loops that must be tight: after so many items at most, look.
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
  /// Nanoseconds since it was made.
  std::uint64_t spent() const { return now_in_nanoseconds() - begin_; }

 private:
  static std::uint64_t now_in_nanoseconds();
  std::uint64_t begin_ = now_in_nanoseconds(), seen_ = begin_;
  std::uint64_t stride_ = 1, left_ = 1;
};

/// The description that a map's task gets beside the function that it calls.
struct ChunkTask {
  SharedBlock items;
  SharedBlock results;  // for those that are not of one size
  Chunk chunk;

  void write(Writer& to, const MapTypes& types) const;
  /// Throws DecodeError.
  static ChunkTask read(Reader& from, const MapTypes& types);
};

}  // namespace brood::detail
