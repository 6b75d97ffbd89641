#pragma once
// Many calls in chunks, from the side of who waits for them: which items go into a task, and what came of
// each.

#include <algorithm>
#include <atomic>
#include <brood/detail/chunk_call.hpp>
#include <brood/detail/input.hpp>
#include <brood/detail/names.hpp>
#include <brood/detail/task.hpp>
#include <cstring>
#include <deque>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::detail {

/// What can go in chunks: functions and arguments that each call can have a copy of.
template <class F, class StoredArgs>
constexpr bool can_chunk = false;
template <class F, class Item, class... Extra>
constexpr bool can_chunk<F, std::tuple<Item, Extra...>> = [] {
  using R = typename Call<F, std::tuple<Item, Extra...>>::Result;
  if constexpr (!std::is_copy_constructible_v<F> || !(std::is_copy_constructible_v<Extra> && ...))
    return false;
  else if constexpr (std::is_void_v<R>)
    return true;
  else
    return travels<R> && std::is_move_constructible_v<R>;
}();

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

/// How far to go at a time.
struct ChunkPlan {
  std::size_t chunksize = 0;  // as given; 0: as measured
  bool lazy = false;  // results are wanted as soon as they are there, and no more is read than that takes
};

/// Sink: who is told what came, in any order, once for each item:
///   void take_row(std::size_t first, const DoneItems<R>&);   the results of so many from there
///   void take_one(std::size_t item, R&&);                    of one
///   void fail(std::size_t first, std::size_t n, const std::exception_ptr&);
template <class F, class StoredArgs, class Range>
class Chunks;

template <class F, class Item, class... Extra, class Range>
class Chunks<F, std::tuple<Item, Extra...>, Range> {
 public:
  using OneCall = ChunkCall<F, std::tuple<Item, Extra...>>;
  using R = typename OneCall::R;

  template <class... E>
  Chunks(PoolHandle& pool, ChunkPlan plan, F f, Range& items, E&&... extra)
      : pool_(pool), plan_(plan), f_(std::move(f)), input_(items), extra_(std::forward<E>(extra)...) {
    running_.reserve(most_running());
    if (const auto last = last_seconds_each.load(std::memory_order_relaxed); last != 0 && !plan_.lazy)
      seconds_each_ = last;
  }

  Input<Range, Item>& input() { return input_; }
  /// How many items have been read.
  std::size_t items_read() const { return read_; }
  /// Why no more is read before the end: what the input threw, or the pool, which is at its end.
  const std::exception_ptr& broken() const { return broken_; }

  /// Reads all that there is; the range is not needed afterwards. Throws what it throws, and codecs.
  void read_all() {
    for (;;) {
      Part part = lay_out(most_in_block());
      if (broken_) std::rethrow_exception(std::exchange(broken_, nullptr));
      if (part.count == 0) break;
      waiting_left_ += part.count;
      waiting_.push_back(std::move(part));
    }
    input_.close();
    is_all_read_ = true;
  }

  /// Submits what keeps the workers busy. `taken`: how many items are done with, in a lazy plan.
  template <class Sink>
  void fill(Sink& sink, std::size_t taken = 0) {
    while (running_.size() < most_running() && !(broken_ && waiting_.empty())) {
      const bool is_new = waiting_.empty();
      if (is_new && is_all_read_) return;
      Part part = is_new ? lay_out(size_to_read(taken)) : next_waiting();
      if (part.count == 0) return;
      if (!ended_ && submit(part)) continue;
      if (is_new && plan_.lazy)
        broken_ = ended_;  // nobody was promised anything
      else
        fail_all(part, ended_, sink);
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
  using Layout = typename OneCall::Layout;
  // Items that stand next to each other in the input, in a block that is used again when they are done.
  struct Block {
    SharedBlock memory;
    std::size_t before = 0, items = 0;
    std::vector<ItemName> names;
    HeldNames held;  // the items themselves may be gone when they are submitted
  };
  struct Part {
    std::shared_ptr<Block> block;
    std::size_t first = 0, count = 0;
  };
  struct Running {
    Part part;                  // what has not been settled
    std::size_t submitted = 0;  // its first item
    std::size_t in_row = 0;     // for so many there is a place in results
    SharedBlock results;        // where they are not of one size
    Future<ChunkEnd<R>> future;
  };
  // One chunk of the arena: what is used again stays in the caches. Four for plain ones that are there
  // already, so that a worker is woken once for some ten thousand of the smallest.
  static constexpr std::size_t usual_bytes = (std::size_t{64} << 10) - 64;
  static constexpr std::size_t most_bytes_plain = (std::size_t{256} << 10) - 64;
  // Of plain ones; three rows begin at multiples of 64.
  static constexpr std::size_t plain_in(std::size_t bytes) {
    return std::max<std::size_t>(1, (bytes - 3 * 64) / (sizeof(Item) + Layout::result_size + 1));
  }
  static constexpr double wanted_seconds = 250e-6, least_seconds = 20e-6;
  static constexpr std::uint64_t most_nanoseconds = 1'000'000, most_reading = 250'000;
  // How long a lazy one waits for the end of a task before it looks for what is done of it.
  static constexpr std::chrono::nanoseconds least_patience = std::chrono::milliseconds(2),
                                            most_patience = std::chrono::milliseconds(128);

  std::size_t workers() const { return static_cast<std::size_t>(pool_.size()); }
  std::size_t most_running() const { return 2 * workers(); }

  Part next_waiting() {
    Part& from = waiting_.front();
    Part part{from.block, from.first, std::min(from.count, wanted_size())};
    waiting_left_ -= part.count;
    from.first += part.count;
    from.count -= part.count;
    if (from.count == 0) waiting_.pop_front();
    return part;
  }

  std::size_t wanted_size() const {
    return plan_.chunksize != 0 ? plan_.chunksize : std::min(most_results_, measured_size());
  }
  // Enough of them that all workers end together, large enough that the work is more than the way.
  std::size_t measured_size() const {
    auto left = std::numeric_limits<std::size_t>::max();
    if (is_all_read_)
      left = waiting_left_;
    else if constexpr (Input<Range, Item>::is_sized)
      left = input_.left() + waiting_left_;
    const bool is_known = is_all_read_ || Input<Range, Item>::is_sized;
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
    const auto ahead = read_ - taken;
    const auto most = std::max(64 * workers(), 2 * most_running() * std::min(n, last_size_));
    return ahead >= most ? 0 : std::min(n, most - ahead);
  }

  // Of chunks that are all laid out beforehand; whole ones, where their size is given.
  std::size_t most_in_block() const {
    if (!Layout::plain_items || plan_.chunksize == 0) return std::numeric_limits<std::size_t>::max();
    return std::max<std::size_t>(1, plain_in(most_bytes_plain) / plan_.chunksize) * plan_.chunksize;
  }

  // At most n of the next items; fewer where they do not fit, and where they take long to read. What the
  // input, or a codec, throws ends the reading.
  Part lay_out(std::size_t n) {
    if (n == 0 || broken_) return {};
    Part part{take_block(), 0, 0};
    try {
      if (ended_ && input_.peek() != nullptr) std::rethrow_exception(ended_);
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

  void lay_out_plain(Part& part, std::size_t n) {
    if (plan_.chunksize == 0) n = std::min(n, plain_in(plan_.lazy ? usual_bytes : most_bytes_plain));
    if constexpr (Input<Range, Item>::is_sized) n = std::min(n, std::max<std::size_t>(1, input_.left()));
    if constexpr (Input<Range, Item>::is_array) {
      n = std::min(n, input_.left());
      if (n == 0) return;
      make_room(*part.block, Layout::size(n, 0), n);
      std::memcpy(Layout(part.block->memory, n).plain_item(0), input_.data(), n * sizeof(Item));
      input_.pass(n);
      part.count = n;
    } else {
      const Item* item = input_.peek();
      if (item == nullptr) return;
      make_room(*part.block, Layout::size(n, 0), n);
      const Layout layout(part.block->memory, n);
      SeldomLook clock;
      do {
        std::memcpy(layout.plain_item(part.count++), item, sizeof(Item));
        input_.pass();
      } while (part.count != n && !clock.is_past(reading_time()) && (item = input_.peek()) != nullptr);
    }
  }

  void lay_out_encoded(Part& part, std::size_t n) {
    starts_.clear();
    encoded_.clear();
    const auto fits = [&](std::size_t size) {
      const auto before = starts_.size();
      const bool in_chunk = plan_.chunksize != 0 && (before == 0 || before % plan_.chunksize != 0);
      return in_chunk || Layout::size(before + 1, encoded_.size() + size) <= usual_bytes;
    };
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
        hold(*part.block, starts_.size(), measure.handles());
        starts_.push_back(at);
        input_.pass();
        if (clock.is_past(reading_time())) break;
      }
    } catch (...) {  // after those before it
      broken_ = std::current_exception();
    }
    if (starts_.empty()) return;
    const auto count = starts_.size();
    make_room(*part.block, Layout::size(count, encoded_.size()), count);
    const Layout layout(part.block->memory, count);
    for (std::size_t i = 0; i != count; ++i) layout.set_start(i, starts_[i]);
    std::memcpy(layout.encoded(), encoded_.data(), encoded_.size());
    part.count = count;
  }
  // One that is larger than a usual block.
  void lay_out_alone(Part& part, const Item& item, std::size_t size, const Names& names) {
    make_room(*part.block, Layout::size(1, size), 1);
    const Layout layout(part.block->memory, 1);
    layout.set_start(0, 0);
    Writer to(layout.encoded(), size);
    encode<Item>(to, item);
    hold(*part.block, 0, names);
    input_.pass();
    part.count = 1;
  }
  static void hold(Block& block, std::size_t item, const Names& names) {
    if (names.empty()) return;
    block.held.add(HeldNames::of(names));
    for (const auto object : names) block.names.push_back({item, object});
  }
  std::uint64_t reading_time() const { return plan_.lazy && plan_.chunksize == 0 ? most_reading : 0; }

  std::shared_ptr<Block> take_block() {
    if (free_.empty()) return std::make_shared<Block>();
    auto block = std::move(free_.back());
    free_.pop_back();
    return block;
  }
  void give_free(std::shared_ptr<Block> block) {
    if (block.use_count() != 1) return;  // other parts of it are on their way
    if (is_all_read_) return;            // nothing is laid out any more
    block->names.clear();
    block->held = HeldNames();
    free_.push_back(std::move(block));
  }
  static void make_room(Block& block, std::size_t bytes, std::size_t items) {
    if (block.memory.size() < bytes) {
      block.memory = SharedBlock();  // its place may be used for the new one
      block.memory = SharedBlock(std::max(bytes, usual_bytes));
    }
    block.items = items;
    std::memset(block.memory.data(), 0, items);
  }

  // False when the pool takes no more.
  bool submit(Part part) {
    try {
      const Block& block = *part.block;
      const Chunk chunk{part.first, part.count, block.items, plan_.chunksize != 0 ? 0 : most_nanoseconds};
      SharedBlock results;
      if constexpr (!OneCall::in_rows) results = take_results(part.count);
      const auto write = [&](Writer& to) {
        std::apply(
            [&](const Extra&... e) {
              OneCall::encode_call(to, f_, block.memory, results, chunk, names_of(part), e...);
            },
            extra_);
      };
      Record& record = pool_.submit(task_type<OneCall, F>, EncodeCall::by(write), nullptr);
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
    if (bytes > usual_bytes / 2) return SharedBlock(bytes + usual_bytes);
    if (free_results_.empty()) return SharedBlock(usual_bytes);
    SharedBlock results = std::move(free_results_.back());
    free_results_.pop_back();
    return results;
  }

  std::span<const ItemName> names_of(const Part& part) const {
    const auto& names = part.block->names;
    const auto from = std::ranges::lower_bound(names, part.first, {}, &ItemName::item);
    const auto to = std::ranges::lower_bound(names, part.first + part.count, {}, &ItemName::item);
    return {from, to};
  }

  // What is done of a task that may still run.
  template <class Sink>
  void settle_done_items(Running& from, Sink& sink) {
    Part& part = from.part;
    const Layout layout(part.block->memory, part.block->items);
    const auto n = layout.first_not_done(part.first, part.first + part.count) - part.first;
    if (n == 0) return;
    if constexpr (OneCall::in_rows) {
      sink.take_row(part.block->before + part.first, DoneItems<R>(layout.result(part.first), n));
    } else {
      const ResultRow row(from.results, from.in_row);
      sink.take_row(part.block->before + part.first, DoneItems<R>(row, part.first - from.submitted, n));
    }
    part.first += n;
    part.count -= n;
  }

  template <class Sink>
  void settle(Running& ended, Sink& sink) {
    settle_done_items(ended, sink);
    Part& part = ended.part;
    const auto item = part.block->before + part.first;
    const auto done = [&] { return part.first - ended.submitted; };
    try {
      auto end = ended.future.get();
      if constexpr (!OneCall::in_rows) {
        if (end.last && part.count != 0) {
          most_results_ = std::max<std::size_t>(1, done());
          sink.take_one(item, std::move(*end.last));
          pass_one(part);
        } else if (done() == most_results_) {
          most_results_ *= 2;
        }
      }
      if (done() == 0) throw DecodeError("the items of a map have been overwritten while a task had them");
      seconds_each_ = static_cast<double>(end.nanoseconds) * 1e-9 / static_cast<double>(done());
      last_seconds_each.store(*seconds_each_, std::memory_order_relaxed);
    } catch (const PoolTerminated&) {
      ended_ = std::current_exception();
    } catch (const PoolBroken&) {
      ended_ = std::current_exception();
    } catch (...) {
      // In the middle of an item; or between two, where nothing is lost, unless it got nowhere.
      const Layout layout(part.block->memory, part.block->items);
      if (part.count != 0 && (done() == 0 || layout.state(part.first).load() == ItemState::begun)) {
        sink.fail(item, 1, std::current_exception());
        pass_one(part);
      }
    }
    if (ended.results && ended.results.size() == usual_bytes)
      free_results_.push_back(std::move(ended.results));
    if (part.count != 0) {
      waiting_left_ += part.count;
      waiting_.push_front(std::move(part));
    } else {
      give_free(std::move(part.block));
    }
  }
  static void pass_one(Part& part) {
    ++part.first;
    --part.count;
  }

  template <class Sink>
  static void fail_all(const Part& part, const std::exception_ptr& error, Sink& sink) {
    sink.fail(part.block->before + part.first, part.count, error);
  }

  PoolHandle& pool_;
  const ChunkPlan plan_;
  const F f_;
  Input<Range, Item> input_;
  const std::tuple<Extra...> extra_;
  std::size_t read_ = 0, last_size_ = 1;
  bool is_all_read_ = false;
  std::deque<Part> waiting_;
  std::size_t waiting_left_ = 0;  // items in there
  std::vector<Running> running_;
  std::vector<const Record*> records_;
  std::vector<std::shared_ptr<Block>> free_;
  std::vector<SharedBlock> free_results_;
  std::vector<std::uint64_t> starts_;  // of the items that are laid out now
  std::vector<std::byte> encoded_;
  // A task ends at the first result for which there is no place: those that there is place for.
  std::size_t most_results_ = OneCall::in_rows ? std::numeric_limits<std::size_t>::max() : 1024;
  std::optional<double> seconds_each_;
  // Of the last map of this kind, which is where the next one begins: a chunk that takes longer than that
  // says comes back with what is left. 0: there was none.
  static inline std::atomic<double> last_seconds_each{0};
  std::chrono::nanoseconds patience_ = least_patience;
  std::exception_ptr broken_;
  std::exception_ptr ended_;  // the pool is
};

}  // namespace brood::detail
