#pragma once
// A map in chunks on its way: what is read, submitted and settled.

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

  /// How many items have been read.
  std::size_t items_read() const { return blocks_.items_read(); }
  /// Why no more is read before the end: what the input threw, or the pool, which is at its end.
  const std::exception_ptr& broken() const { return blocks_.broken(); }

  /// Reads all that there is; the range is not needed afterwards. Throws what it throws, and codecs.
  void read_all();
  /// Submits what keeps the workers busy. `taken`: how many items are done with, in a lazy plan.
  void fill(MapSink& sink, std::size_t taken = 0);
  /// Waits until some are done, and tells the sink. False when nothing was under way.
  bool wait(MapSink& sink);
  /// Something has been submitted and not been settled.
  bool is_under_way() const { return !running_.empty(); }
  bool has_ended_ones() const;
  /// Tells the sink of those that have ended. Does not wait.
  void settle_ended(MapSink& sink);

 private:
  struct Running {
    BlockPart part;             // what has not been settled
    std::size_t submitted = 0;  // its first item
    std::size_t in_row = 0;     // for so many there is a place in results
    SharedBlock results;        // where they are not of one size
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
  std::size_t waiting_left_ = 0;  // items in there
  std::vector<Running> running_;
  std::vector<const Record*> records_;
  std::vector<SharedBlock> free_results_;
  // A task ends at the first result for which there is no place: those that there is place for.
  std::size_t most_results_;
  std::optional<double> seconds_each_;
  std::chrono::nanoseconds patience_;
  std::exception_ptr ended_;  // the pool is
};

}  // namespace brood::detail
