#pragma once
// The items of a map on their way from their range into shared memory, for the tasks that work on them.

#include <brood/detail/chunk_layout.hpp>
#include <brood/detail/names.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace brood::detail {

/// How far to go at a time.
struct ChunkPlan {
  std::size_t chunksize = 0;  // as given; 0: as measured
  bool lazy = false;  // results are wanted as soon as they are there, and no more is read than that takes
};

struct ItemBlock;

/// Takes items that are not plain: encodes them one behind the other, as many as a block has room for.
class EncodedItems {
 public:
  EncodedItems(const MapTypes& types, std::size_t chunksize) : types_(types), chunksize_(chunksize) {}

  /// Write the next item with it, then add it.
  Writer writer() { return Writer(room_ + used_, size_ - used_); }
  enum class Added {
    yes,
    last,   // and the block is full
    again,  // there is room for it now
    full,   // it belongs into another block
  };
  Added add(const Writer& item);
  std::size_t count() const { return starts_.size(); }

  /// From now on items go into this block.
  void begin(ItemBlock& block);
  /// All that were added are in the block then.
  void end();

 private:
  bool fits(std::size_t size) const;

  const MapTypes types_;
  const std::size_t chunksize_;
  ItemBlock* block_ = nullptr;
  std::vector<std::byte> staged_;
  std::vector<std::uint64_t> starts_;
  bool is_alone_ = false;  // one that is larger than a usual block, and lies in its own already
  std::byte* room_ = nullptr;
  std::size_t size_ = 0, used_ = 0;
};

/// The items of a range, each looked at once. Called once for many of them.
class ItemReader {
 public:
  static constexpr auto unknown = std::numeric_limits<std::size_t>::max();
  /// The number of items left, or `unknown`.
  virtual std::size_t left() const = 0;
  /// Throws what the range throws, as all that follow.
  virtual bool has_more() = 0;
  /// Copies at most n plain items into a row, and counts each in `count`. Stops early after so many
  /// nanoseconds, unless they are 0.
  virtual void copy(std::byte* to, std::size_t n, std::uint64_t nanoseconds, std::size_t& count) = 0;
  /// The same for items that are not plain.
  virtual void encode(EncodedItems& to, std::size_t n, std::uint64_t nanoseconds) = 0;
  /// Reads no more: the range may go.
  virtual void close() = 0;

 protected:
  ~ItemReader() = default;
};

}  // namespace brood::detail
