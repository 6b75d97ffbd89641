#include "pool/chunks.hpp"

#include <algorithm>
#include <brood/detail/chunked_map.hpp>
#include <chrono>
#include <string>
#include <utility>

namespace brood::detail {

namespace {

constexpr double wanted_seconds = 250e-6, least_seconds = 20e-6;
constexpr std::uint64_t most_nanoseconds = 1'000'000;
// How long a lazy map waits for the end of a task before it looks for the task's finished items.
constexpr std::chrono::nanoseconds least_patience = std::chrono::milliseconds(2),
                                   most_patience = std::chrono::milliseconds(128);

// True when the options apply to each call separately, so that items cannot share a task.
bool sets_limits(const CallOptions& options) {
  return options.deadline.is_limited() || options.time_limit.is_limited() || options.idempotent ||
         options.retries || options.memory_limit || !options.name.empty() || options.priority != 0 ||
         !options.key.empty();
}

}  // namespace

void ChunkEndInRows::write(Writer& to, const void* end) {
  to.value(static_cast<const ChunkEndInRows*>(end)->nanoseconds);
}

Chunks::Chunks(PoolHandle& pool, ChunkPlan plan, const MapTypes& types, const ChunkFunction& function,
               ItemReader& items)
    : pool_(pool),
      plan_(plan),
      types_(types),
      function_(function),
      blocks_(items, types, plan),
      most_results_(types.in_rows ? std::numeric_limits<std::size_t>::max() : 1024),
      patience_(least_patience) {
  running_.reserve(most_running());
  const auto last = function_.last_seconds_each().load(std::memory_order_relaxed);
  if (last != 0 && !plan_.lazy) seconds_each_ = last;
}

void Chunks::read_all() {
  for (;;) {
    BlockPart part = blocks_.lay_out_block();
    if (broken()) std::rethrow_exception(broken());
    if (part.count == 0) break;
    waiting_left_ += part.count;
    waiting_.push_back(std::move(part));
  }
  blocks_.close();
}

void Chunks::fill(MapSink& sink, std::size_t taken) {
  while (running_.size() < most_running() && !(broken() && waiting_.empty())) {
    const bool is_new = waiting_.empty();
    if (is_new && blocks_.is_closed()) return;
    BlockPart part = is_new ? read_next(taken) : next_waiting();
    if (part.count == 0) return;
    if (!ended_ && submit(part)) continue;
    if (is_new && plan_.lazy)
      blocks_.stop(ended_);  // a lazy map just ends there: these items were not promised
    else
      sink.fail(part.item(), part.count, ended_);
  }
}

bool Chunks::wait(MapSink& sink) {
  if (running_.empty()) return false;
  records_.clear();
  bool may_be_done_partly = false;
  for (const auto& each : running_) {
    records_.push_back(each.record);
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

bool Chunks::has_ended_ones() const {
  return std::ranges::any_of(running_, [](const Running& each) { return each.record->is_done(); });
}

void Chunks::settle_ended(MapSink& sink) {
  for (std::size_t i = 0; i < running_.size();) {
    if (!running_[i].record->is_done()) {
      ++i;
      continue;
    }
    Running ended = std::move(running_[i]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    settle(ended, sink);
  }
}

BlockPart Chunks::read_next(std::size_t taken) {
  const auto n = size_to_read(taken);
  if (n != 0 && ended_ && blocks_.has_more()) blocks_.stop(ended_);
  return blocks_.lay_out(n);
}

BlockPart Chunks::next_waiting() {
  BlockPart part = waiting_.front().take(wanted_size());
  waiting_left_ -= part.count;
  if (waiting_.front().count == 0) waiting_.pop_front();
  return part;
}

std::size_t Chunks::wanted_size() const {
  return plan_.chunksize != 0 ? plan_.chunksize : std::min(most_results_, measured_size());
}

// Chunks small enough that all workers end at about the same time, and large enough that the work outweighs
// the overhead of a task.
std::size_t Chunks::measured_size() const {
  const auto unread = blocks_.left();
  const bool is_known = unread != ItemReader::unknown;
  const auto left = is_known ? unread + waiting_left_ : unread;
  if (!seconds_each_) return plan_.lazy || !is_known ? 1 : std::max<std::size_t>(1, left / (16 * workers()));
  const auto in = [&](double seconds) {
    return static_cast<std::size_t>(std::clamp(seconds / *seconds_each_, 1.0, 1e9));
  };
  return std::min(in(wanted_seconds), std::max(left / (2 * workers()), in(least_seconds)));
}

// The number of items to read next; 0 when a lazy map is far enough ahead.
std::size_t Chunks::size_to_read(std::size_t taken) const {
  const auto n = wanted_size();
  if (!plan_.lazy) return n;
  const auto ahead = items_read() - taken;
  const auto most = std::max(64 * workers(), 2 * most_running() * std::min(n, blocks_.last_size()));
  return ahead >= most ? 0 : std::min(n, most - ahead);
}

// Submits a chunk. False when the pool accepts no more.
bool Chunks::submit(BlockPart part) {
  try {
    const ItemBlock& block = *part.block;
    ChunkTask task{
        block.memory, {}, {part.first, part.count, block.items, plan_.chunksize != 0 ? 0 : most_nanoseconds}};
    if (!types_.in_rows) task.results = take_results(part.count);
    Record& record = function_.submit(pool_, task, part.names());
    const auto first = part.first, count = part.count;
    running_.push_back(
        {std::move(part), first, count, std::move(task.results), &record, Future<void>(record)});  // reserved
    return true;
  } catch (...) {
    ended_ = std::current_exception();
    return false;
  }
}

SharedBlock Chunks::take_results(std::size_t count) {
  const auto bytes = ResultRow::size(count, 0);
  if (bytes > usual_block / 2) return SharedBlock(bytes + usual_block);
  if (free_results_.empty()) return SharedBlock(usual_block);
  SharedBlock results = std::move(free_results_.back());
  free_results_.pop_back();
  return results;
}

// Settles the finished items of a task that may still be running.
void Chunks::settle_done_items(Running& from, MapSink& sink) {
  BlockPart& part = from.part;
  const ChunkLayout layout = layout_of(part);
  const auto n = layout.first_not_done(part.first, part.first + part.count) - part.first;
  if (n == 0) return;
  if (types_.in_rows) {
    const auto size = types_.result_size;
    sink.take_row(part.item(), DoneItems(layout.results() + part.first * size, size, n));
  } else {
    const ResultRow row(from.results, from.in_row);
    sink.take_row(part.item(), DoneItems(row, part.first - from.submitted, n));
  }
  part.pass(n);
}

// Settles a task that returned, or throws the reason why it did not.
void Chunks::settle_end(Running& ended, MapSink& sink) {
  BlockPart& part = ended.part;
  const auto done = [&] { return part.first - ended.submitted; };
  ended.future.get();
  Record& record = *ended.record;
  Reader end(record.data(), record.bytes());
  const auto nanoseconds = end.value<std::uint64_t>();
  if (!types_.in_rows) {
    const bool has_one = end.value<bool>();
    if (has_one && part.count != 0) {
      HeldNames names;
      if (Names taken; record.names != 0 && record.take_names(taken)) names = HeldNames(std::move(taken));
      most_results_ = std::max<std::size_t>(1, done());
      const auto n = end.left();
      sink.take_one(part.item(), {end.view(n), n}, std::move(ended.future), std::move(names));
      part.pass(1);
    } else if (done() == most_results_) {
      most_results_ *= 2;
    }
  }
  if (done() == 0) throw DecodeError("the items of a map have been overwritten while a task had them");
  seconds_each_ = static_cast<double>(nanoseconds) * 1e-9 / static_cast<double>(done());
  function_.last_seconds_each().store(*seconds_each_, std::memory_order_relaxed);
}

void Chunks::settle(Running& ended, MapSink& sink) {
  settle_done_items(ended, sink);
  BlockPart& part = ended.part;
  try {
    settle_end(ended, sink);
  } catch (const PoolTerminated&) {
    ended_ = std::current_exception();
  } catch (const PoolBroken&) {
    ended_ = std::current_exception();
  } catch (...) {
    // The task ended in the middle of an item, which fails; or between two, where nothing is lost, except
    // that a task without any progress fails its first item.
    const bool got_nowhere = part.first == ended.submitted;
    if (part.count != 0 && (got_nowhere || layout_of(part).state(part.first).load() == ItemState::begun)) {
      sink.fail(part.item(), 1, std::current_exception());
      part.pass(1);
    }
  }
  if (ended.results && ended.results.size() == usual_block) free_results_.push_back(std::move(ended.results));
  if (part.count != 0) {
    waiting_left_ += part.count;
    waiting_.push_front(std::move(part));
  } else {
    blocks_.give_free(std::move(part.block));
  }
}

std::size_t map_in_chunks(PoolHandle& pool, std::size_t chunksize, const MapTypes& types,
                          const ChunkFunction& function, ItemReader& items, MapSink& sink) {
  Chunks chunks(pool, {chunksize, false}, types, function, items);
  do {
    chunks.fill(sink);
  } while (chunks.wait(sink));
  const auto n = chunks.items_read();
  if (chunks.broken()) sink.fail(n, 1, chunks.broken());
  return n;
}

int checked_chunksize(const CallOptions& options) {
  if (options.chunksize && *options.chunksize < 1)
    throw UsageError("chunksize must be at least 1, not " + std::to_string(*options.chunksize));
  return options.chunksize.value_or(0);
}

std::optional<std::size_t> chunksize_for(const PoolHandle& pool, const CallOptions* options) {
  const auto given = static_cast<std::size_t>(options != nullptr ? checked_chunksize(*options) : 0);
  const bool limited = options != nullptr && sets_limits(*options);
  if (given == 1 || limited || (given == 0 && pool.each_by_itself())) return std::nullopt;
  return given;
}

void FirstFailure::note(std::size_t item, const std::exception_ptr& error) {
  if (error_ && item_ <= item) return;
  error_ = error;
  item_ = item;
}

void FirstFailure::rethrow() const {
  if (error_) std::rethrow_exception(error_);
}

struct ChunksUnderWay::State {
  PoolHandle pool;
  std::unique_ptr<const ChunkFunction> function;
  Chunks chunks;
  State(PoolHandle p, std::size_t chunksize, const MapTypes& types, std::unique_ptr<const ChunkFunction> f,
        ItemReader& items)
      : pool(std::move(p)),
        function(std::move(f)),
        chunks(pool, {chunksize, false}, types, *function, items) {}
};

ChunksUnderWay::ChunksUnderWay() = default;
ChunksUnderWay::~ChunksUnderWay() = default;

std::size_t ChunksUnderWay::begin(PoolHandle pool, std::size_t chunksize, const MapTypes& types,
                                  std::unique_ptr<const ChunkFunction> function, ItemReader& items) {
  state_ = std::make_unique<State>(std::move(pool), chunksize, types, std::move(function), items);
  state_->chunks.read_all();
  return state_->chunks.items_read();
}

bool ChunksUnderWay::go_on() {
  Chunks& chunks = state_->chunks;
  try {
    do {
      chunks.settle_ended(sink());
      chunks.fill(sink());
    } while (chunks.has_ended_ones());
    if (chunks.is_under_way()) return false;
    end(chunks.items_read());
  } catch (...) {
    failure_ = std::current_exception();
  }
  state_.reset();  // the pool may end before the results are examined
  return true;
}

}  // namespace brood::detail
