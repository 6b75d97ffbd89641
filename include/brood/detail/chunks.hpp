#pragma once
// Many calls in chunks, from the side of who waits for them: which items go into a task, and what came of
// each.

#include <algorithm>
#include <brood/detail/item_blocks.hpp>
#include <brood/detail/map_function.hpp>
#include <deque>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::detail {

/// Results of items that stand next to each other, as bytes in shared memory.
template <class R>
class DoneItems {
 public:
  DoneItems(const std::byte* row, std::size_t count)
    requires(is_of_one_size<R>())
      : row_(row), count_(count) {}
  DoneItems(ResultRow row, std::size_t first, std::size_t count)
    requires(!is_of_one_size<R>())
      : row_(row), first_(first), count_(count) {}

  std::size_t count() const { return count_; }
  /// The first of the row.
  const std::byte* row() const
    requires(is_of_one_size<R>())
  {
    return row_;
  }
  /// Throws DecodeError when they are noise.
  std::span<const std::byte> operator[](std::size_t i) const {
    if constexpr (is_of_one_size<R>())
      return {row_ + i * size_in_row<R>(), size_in_row<R>()};
    else
      return row_.get(first_ + i);
  }

 private:
  std::conditional_t<is_of_one_size<R>(), const std::byte*, ResultRow> row_;
  std::size_t first_ = 0, count_;
};

/// Item: what travels of the range's; R: what comes of it.
/// Sink: who is told what came, in any order, once for each item:
///   void take_row(std::size_t first, const DoneItems<R>&);   the results of so many from there
///   void take_one(std::size_t item, R&&);                    of one
///   void fail(std::size_t first, std::size_t n, const std::exception_ptr&);
template <class Item, class R, class Range>
class Chunks {
 public:
  Chunks(PoolHandle& pool, ChunkPlan plan, std::unique_ptr<const ChunkFunction<Item, R>> function,
         Range& items)
      : pool_(pool), plan_(plan), function_(std::move(function)), blocks_(items, plan) {
    running_.reserve(most_running());
    const auto last = function_->last_seconds_each().load(std::memory_order_relaxed);
    if (last != 0 && !plan_.lazy) seconds_each_ = last;
  }

  Input<Range, Item>& input() { return blocks_.input(); }
  /// How many items have been read.
  std::size_t items_read() const { return blocks_.items_read(); }
  /// Why no more is read before the end: what the input threw, or the pool, which is at its end.
  const std::exception_ptr& broken() const { return blocks_.broken(); }

  /// Reads all that there is; the range is not needed afterwards. Throws what it throws, and codecs.
  void read_all() {
    for (;;) {
      BlockPart part = blocks_.lay_out_block();
      if (broken()) std::rethrow_exception(broken());
      if (part.count == 0) break;
      waiting_left_ += part.count;
      waiting_.push_back(std::move(part));
    }
    blocks_.close();
  }

  /// Submits what keeps the workers busy. `taken`: how many items are done with, in a lazy plan.
  template <class Sink>
  void fill(Sink& sink, std::size_t taken = 0) {
    while (running_.size() < most_running() && !(broken() && waiting_.empty())) {
      const bool is_new = waiting_.empty();
      if (is_new && blocks_.is_closed()) return;
      BlockPart part = is_new ? read_next(taken) : next_waiting();
      if (part.count == 0) return;
      if (!ended_ && submit(part)) continue;
      if (is_new && plan_.lazy)
        blocks_.stop(ended_);  // nobody was promised anything
      else
        sink.fail(part.item(), part.count, ended_);
    }
  }

  /// Waits until some are done, and tells the sink. False when nothing was under way.
  template <class Sink>
  bool wait(Sink& sink) {
    if (running_.empty()) return false;
    records_.clear();
    bool may_be_done_partly = false;
    for (const auto& each : running_) {
      records_.push_back(each.future.record());
      may_be_done_partly = may_be_done_partly || each.part.count > 1;
    }
    const bool looks = plan_.lazy && may_be_done_partly;
    if (!pool_.wait_any(records_, looks ? Deadline::in(patience_) : Deadline::never())) {
      patience_ = std::min(patience_ * 2, most_patience);
      for (auto& each : running_) settle_done_items(each, sink);
      return true;
    }
    patience_ = least_patience;
    settle_ended(sink);
    return true;
  }

  /// Something has been submitted and not been settled.
  bool is_under_way() const { return !running_.empty(); }
  bool has_ended_ones() const {
    return std::ranges::any_of(running_, [](const Running& each) { return each.future.is_done(); });
  }
  /// Tells the sink of those that have ended. Does not wait.
  template <class Sink>
  void settle_ended(Sink& sink) {
    for (std::size_t i = 0; i < running_.size();) {
      if (!running_[i].future.is_done()) {
        ++i;
        continue;
      }
      Running ended = std::move(running_[i]);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
      settle(ended, sink);
    }
  }

 private:
  using Layout = ChunkLayout<Item, R>;
  static constexpr bool in_rows = is_of_one_size<R>();
  struct Running {
    BlockPart part;             // what has not been settled
    std::size_t submitted = 0;  // its first item
    std::size_t in_row = 0;     // for so many there is a place in results
    SharedBlock results;        // where they are not of one size
    Future<ChunkEnd<R>> future;
  };
  static constexpr double wanted_seconds = 250e-6, least_seconds = 20e-6;
  static constexpr std::uint64_t most_nanoseconds = 1'000'000;
  // How long a lazy one waits for the end of a task before it looks for what is done of it.
  static constexpr std::chrono::nanoseconds least_patience = std::chrono::milliseconds(2),
                                            most_patience = std::chrono::milliseconds(128);

  std::size_t workers() const { return static_cast<std::size_t>(pool_.size()); }
  std::size_t most_running() const { return 2 * workers(); }

  BlockPart read_next(std::size_t taken) {
    const auto n = size_to_read(taken);
    if (n != 0 && ended_ && blocks_.has_more()) blocks_.stop(ended_);
    return blocks_.lay_out(n);
  }
  BlockPart next_waiting() {
    BlockPart part = waiting_.front().take(wanted_size());
    waiting_left_ -= part.count;
    if (waiting_.front().count == 0) waiting_.pop_front();
    return part;
  }

  std::size_t wanted_size() const {
    return plan_.chunksize != 0 ? plan_.chunksize : std::min(most_results_, measured_size());
  }
  // Enough of them that all workers end together, large enough that the work is more than the way.
  std::size_t measured_size() const {
    auto left = std::numeric_limits<std::size_t>::max();
    if (blocks_.is_closed())
      left = waiting_left_;
    else if constexpr (Input<Range, Item>::is_sized)
      left = blocks_.input().left() + waiting_left_;
    const bool is_known = blocks_.is_closed() || Input<Range, Item>::is_sized;
    if (!seconds_each_)
      return plan_.lazy || !is_known ? 1 : std::max<std::size_t>(1, left / (16 * workers()));
    const auto in = [&](double seconds) {
      return static_cast<std::size_t>(std::clamp(seconds / *seconds_each_, 1.0, 1e9));
    };
    return std::min(in(wanted_seconds), std::max(left / (2 * workers()), in(least_seconds)));
  }

  // 0 when a lazy one is far enough ahead.
  std::size_t size_to_read(std::size_t taken) const {
    const auto n = wanted_size();
    if (!plan_.lazy) return n;
    const auto ahead = items_read() - taken;
    const auto most = std::max(64 * workers(), 2 * most_running() * std::min(n, blocks_.last_size()));
    return ahead >= most ? 0 : std::min(n, most - ahead);
  }

  // False when the pool takes no more.
  bool submit(BlockPart part) {
    try {
      const ItemBlock& block = *part.block;
      const Chunk chunk{part.first, part.count, block.items, plan_.chunksize != 0 ? 0 : most_nanoseconds};
      SharedBlock results;
      if constexpr (!in_rows) results = take_results(part.count);
      Record& record = function_->submit(pool_, block.memory, results, chunk, part.names());
      const auto first = part.first, count = part.count;
      running_.push_back(
          {std::move(part), first, count, std::move(results), Future<ChunkEnd<R>>(record)});  // has room
      return true;
    } catch (...) {
      ended_ = std::current_exception();
      return false;
    }
  }
  SharedBlock take_results(std::size_t count) {
    const auto bytes = ResultRow::size(count, 0);
    if (bytes > usual_block / 2) return SharedBlock(bytes + usual_block);
    if (free_results_.empty()) return SharedBlock(usual_block);
    SharedBlock results = std::move(free_results_.back());
    free_results_.pop_back();
    return results;
  }

  // What is done of a task that may still run.
  template <class Sink>
  void settle_done_items(Running& from, Sink& sink) {
    BlockPart& part = from.part;
    const Layout layout(part.block->memory, part.block->items);
    const auto n = layout.first_not_done(part.first, part.first + part.count) - part.first;
    if (n == 0) return;
    if constexpr (in_rows) {
      sink.take_row(part.item(), DoneItems<R>(layout.result(part.first), n));
    } else {
      const ResultRow row(from.results, from.in_row);
      sink.take_row(part.item(), DoneItems<R>(row, part.first - from.submitted, n));
    }
    part.pass(n);
  }

  template <class Sink>
  void settle(Running& ended, Sink& sink) {
    settle_done_items(ended, sink);
    BlockPart& part = ended.part;
    const auto item = part.item();
    const auto done = [&] { return part.first - ended.submitted; };
    try {
      auto end = ended.future.get();
      if constexpr (!in_rows) {
        if (end.last && part.count != 0) {
          most_results_ = std::max<std::size_t>(1, done());
          sink.take_one(item, std::move(*end.last));
          part.pass(1);
        } else if (done() == most_results_) {
          most_results_ *= 2;
        }
      }
      if (done() == 0) throw DecodeError("the items of a map have been overwritten while a task had them");
      seconds_each_ = static_cast<double>(end.nanoseconds) * 1e-9 / static_cast<double>(done());
      function_->last_seconds_each().store(*seconds_each_, std::memory_order_relaxed);
    } catch (const PoolTerminated&) {
      ended_ = std::current_exception();
    } catch (const PoolBroken&) {
      ended_ = std::current_exception();
    } catch (...) {
      // In the middle of an item; or between two, where nothing is lost, unless it got nowhere.
      const Layout layout(part.block->memory, part.block->items);
      if (part.count != 0 && (done() == 0 || layout.state(part.first).load() == ItemState::begun)) {
        sink.fail(item, 1, std::current_exception());
        part.pass(1);
      }
    }
    if (ended.results && ended.results.size() == usual_block)
      free_results_.push_back(std::move(ended.results));
    if (part.count != 0) {
      waiting_left_ += part.count;
      waiting_.push_front(std::move(part));
    } else {
      blocks_.give_free(std::move(part.block));
    }
  }

  PoolHandle& pool_;
  const ChunkPlan plan_;
  const std::unique_ptr<const ChunkFunction<Item, R>> function_;
  ItemBlocks<Item, R, Range> blocks_;
  std::deque<BlockPart> waiting_;
  std::size_t waiting_left_ = 0;  // items in there
  std::vector<Running> running_;
  std::vector<const Record*> records_;
  std::vector<SharedBlock> free_results_;
  // A task ends at the first result for which there is no place: those that there is place for.
  std::size_t most_results_ = in_rows ? std::numeric_limits<std::size_t>::max() : 1024;
  std::optional<double> seconds_each_;
  std::chrono::nanoseconds patience_ = least_patience;
  std::exception_ptr ended_;  // the pool is
};

}  // namespace brood::detail
