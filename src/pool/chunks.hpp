#pragma once
// The progress of a map in chunks: reads items, submits chunks and settles their outcomes.

#include <brood/detail/chunks.hpp>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

#include "pool/item_blocks.hpp"

namespace brood::detail {

class Chunks {
 public:
  Chunks(PoolHandle& pool, ChunkPlan plan, const MapTypes& types, const ChunkFunction& function,
         ItemReader& items);

  /// The number of items read so far.
  std::size_t items_read() const { return blocks_.items_read(); }
  /// Why reading stopped before the end: an exception from the input, or from the pool because it is ending.
  const std::exception_ptr& broken() const { return blocks_.broken(); }

  /// Reads all items; the range is not needed afterwards. Throws what the range and codecs throw.
  void read_all();
  /// Submits enough to keep the workers busy. `taken`: in a lazy plan, the number of items whose results have
  /// been taken.
  void fill(MapSink& sink, std::size_t taken = 0);
  /// Waits until some chunks are done, and passes their outcomes to the sink. False when none was in flight.
  bool wait(MapSink& sink);
  /// True when chunks have been submitted and not settled.
  bool is_under_way() const { return !running_.empty(); }
  bool has_ended_ones() const;
  /// Passes the outcomes of ended chunks to the sink. Does not wait.
  void settle_ended(MapSink& sink);

 private:
  struct Running {
    BlockPart part;             // the items not settled yet
    std::size_t submitted = 0;  // its first item
    std::size_t in_row = 0;     // number of results that `results` has room for
    SharedBlock results;        // for results of varying size
    Record* record = nullptr;
    Future<void> future;  // of the record
  };

  std::size_t workers() const { return static_cast<std::size_t>(pool_.size()); }
  std::size_t most_running() const { return 2 * workers(); }
  ChunkLayout layout_of(const BlockPart& part) const {
    return {types_, part.block->memory, part.block->items};
  }
  BlockPart read_next(std::size_t taken);
  BlockPart next_waiting();
  std::size_t wanted_size() const;
  std::size_t measured_size() const;
  std::size_t size_to_read(std::size_t taken) const;
  bool submit(BlockPart part);
  SharedBlock take_results(std::size_t count);
  void settle_done_items(Running& from, MapSink& sink);
  void settle_end(Running& ended, MapSink& sink);
  void settle(Running& ended, MapSink& sink);

  PoolHandle& pool_;
  const ChunkPlan plan_;
  const MapTypes types_;
  const ChunkFunction& function_;
  ItemBlocks blocks_;
  std::deque<BlockPart> waiting_;
  std::size_t waiting_left_ = 0;  // number of items in waiting_
  std::vector<Running> running_;
  std::vector<const Record*> records_;
  std::vector<SharedBlock> free_results_;
  // The number of results to make room for; a task ends at the first result that has none.
  std::size_t most_results_;
  std::optional<double> seconds_each_;
  std::chrono::nanoseconds patience_;
  std::exception_ptr ended_;  // set when the pool has ended
};

}  // namespace brood::detail
