#pragma once
// Many calls in chunks, on the waiting side, which puts items into tasks and takes the outcome of each. The
// work is done in src/pool/chunks.cpp, once for all types.

#include <brood/detail/item_blocks.hpp>
#include <brood/detail/map_function.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/future.hpp>
#include <cstddef>
#include <exception>
#include <span>

namespace brood::detail {

/// Results of adjacent items, as bytes in shared memory.
class DoneItems {
 public:
  DoneItems(const std::byte* row, std::size_t result_size, std::size_t count)
      : row_(row), size_(result_size), count_(count) {}
  DoneItems(const ResultRow& results, std::size_t first, std::size_t count)
      : results_(&results), size_(first), count_(count) {}

  std::size_t count() const { return count_; }
  /// The first of a row of fixed-size results.
  const std::byte* row() const { return row_; }
  /// The bytes of result i. Throws DecodeError when the offsets are garbage.
  std::span<const std::byte> operator[](std::size_t i) const {
    return row_ != nullptr ? std::span(row_ + i * size_, size_) : results_->get(size_ + i);
  }

 private:
  const std::byte* row_ = nullptr;
  const ResultRow* results_ = nullptr;
  std::size_t size_;  // the size of each in the row; or the index of the first in `results_`
  std::size_t count_;
};

/// Receives the outcome of each item once, in any order.
class MapSink {
 public:
  /// Takes the results of done.count() items, beginning with item `first`.
  virtual void take_row(std::size_t first, const DoneItems& done) = 0;
  /// Takes the result of one item; the bytes are valid as long as `task` lives. `names`: the shared objects
  /// that the result names, to be held until it is decoded.
  virtual void take_one(std::size_t item, std::span<const std::byte> value, Future<void> task,
                        HeldNames names) = 0;
  virtual void fail(std::size_t first, std::size_t n, const std::exception_ptr& error) = 0;

 protected:
  ~MapSink() = default;
};

/// Runs all items, passes each outcome to the sink, waits for the end, and returns the number of items.
std::size_t map_in_chunks(PoolHandle& pool, std::size_t chunksize, const MapTypes& types,
                          const ChunkFunction& function, ItemReader& items, MapSink& sink);

class Chunks;

/// A map that progresses without a waiting thread.
class ChunksUnderWay : public UnderWay {
 public:
  ~ChunksUnderWay() override;
  /// Reads all items, which need not outlive the call, and returns their number. Throws what the range and
  /// codecs throw; in that case nothing has been submitted.
  std::size_t begin(PoolHandle pool, std::size_t chunksize, const MapTypes& types,
                    std::unique_ptr<const ChunkFunction> function, ItemReader& items);
  bool go_on() final;
  std::exception_ptr failure() const final { return failure_; }

 protected:
  ChunksUnderWay();
  virtual MapSink& sink() = 0;
  /// Called when all n items have ended. An exception it throws becomes the failure.
  virtual void end(std::size_t n) = 0;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::exception_ptr failure_;
};

}  // namespace brood::detail
