#pragma once
// Moves the items of a map from their range into shared memory, for the tasks that work on them.

#include <brood/detail/chunk_layout.hpp>
#include <brood/detail/names.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace brood::detail {

/// How many items to read and send at a time.
struct ChunkPlan {
  std::size_t chunksize = 0;  // as given by the user; 0: chosen by measurement
  bool lazy = false;  // results are wanted as soon as they exist, and no more items are read than necessary
};

struct ItemBlock;

/// Collects items that are not plain: encodes them one after another, as many as a block has room for.
class EncodedItems {
 public:
  EncodedItems(const MapTypes& types, std::size_t chunksize) : types_(types), chunksize_(chunksize) {}

  /// The Writer for the next item; encode the item with it, then call add().
  Writer writer() { return Writer(room_ + used_, size_ - used_); }
  enum class Added {
    yes,
    last,   // added, and the block is full
    again,  // not added, but now there is room: encode it again
    full,   // not added: it must go into another block
  };
  Added add(const Writer& item);
  std::size_t count() const { return starts_.size(); }

  /// Makes items go into this block from now on.
  void begin(ItemBlock& block);
  /// Completes the block; all added items are in it then.
  void end();

 private:
  bool fits(std::size_t size) const;

  const MapTypes types_;
  const std::size_t chunksize_;
  ItemBlock* block_ = nullptr;
  std::vector<std::byte> staged_;
  std::vector<std::uint64_t> starts_;
  bool is_alone_ = false;  // a single item larger than a usual block, already in a block of its own
  std::byte* room_ = nullptr;
  std::size_t size_ = 0, used_ = 0;
};

/// Reads the items of a range, dereferencing each once. One virtual call handles many items.
class ItemReader {
 public:
  static constexpr auto unknown = std::numeric_limits<std::size_t>::max();
  /// The number of items left, or `unknown`.
  virtual std::size_t left() const = 0;
  /// True when there are more items. This and the following functions throw what the range throws.
  virtual bool has_more() = 0;
  /// Copies at most n plain items into a row, and counts each in `count`. Stops early after `nanoseconds`,
  /// unless that is 0.
  virtual void copy(std::byte* to, std::size_t n, std::uint64_t nanoseconds, std::size_t& count) = 0;
  /// Encodes at most n items that are not plain; stops early like copy().
  virtual void encode(EncodedItems& to, std::size_t n, std::uint64_t nanoseconds) = 0;
  /// Stops reading: the range may be destroyed afterwards.
  virtual void close() = 0;

 protected:
  ~ItemReader() = default;
};

}  // namespace brood::detail
