#include "pool/pool_core.hpp"

#include <algorithm>
#include <brood/codec.hpp>
#include <brood/errors.hpp>
#include <brood/task_errors.hpp>
#include <cstdlib>
#include <cstring>

#include "arena/members.hpp"
#include "exec/failure.hpp"
#include "platform/surroundings.hpp"
#include "pool/lanes.hpp"
#include "process/session.hpp"

namespace brood::pool {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t raw(SlotState state) { return static_cast<std::uint32_t>(state); }

// A lane holds about this much work: enough to hide a wake-up, little to wait behind.
constexpr double lane_seconds = 100e-6;
constexpr std::uint32_t most_in_lane = Lane::slots_in_all - 2;  // one for quit, one never used

void free_block(std::uint64_t name) { arena::free(arena::Run::at(arena::Place{name})); }

}  // namespace

// ---- submitting
// ------------------------------------------------------------------------------------------------

void PoolCore::require_open() const {
  switch (state_) {
    case State::open:
      return;
    case State::broken:
      std::rethrow_exception(broken_);
    default:
      throw UsageError(
          "the pool takes no more tasks: it has been closed; submit before close(), or make a new Pool");
  }
}

Record& PoolCore::submit(const TaskType& type, detail::EncodeCall call) {
  if (here_) return run_here(type, call);
  process::require_member();
  const std::lock_guard lock(mutex_);
  require_open();
  if (!waiting_.empty()) {
    take_results();
    hand_out();
  }
  Task task;
  task.type = &type;
  Place* place = waiting_.empty() ? place_for_task() : nullptr;
  if (place == nullptr) take_results(), hand_out(), place = waiting_.empty() ? place_for_task() : nullptr;

  // Straight into the slot, when there is one and it fits.
  std::byte room[sizeof Slot::data];
  std::byte* to = place != nullptr ? place->lane->slots[place->head % Lane::slots_in_all].data : room;
  Writer writer(to, sizeof room);
  call.encode(writer, call.call);
  const auto size = writer.written();
  auto handles = writer.handles();
  if (!writer.fits()) {
    task.arguments = arena::allocate(size);
    Writer whole(arena::at(task.arguments.offset, size), size);
    call.encode(whole, call.call);
    handles = whole.handles();
    to = nullptr;
  }
  detail::count_handles(handles);
  if (type.by_pointer) {
    std::memcpy(&task.function, to != nullptr ? to : arena::at(task.arguments.offset, size),
                sizeof task.function);
  }
  task.record = &detail::take_record(*this);
  if (place != nullptr) {
    fill(*place, task, nullptr, size);
  } else {
    Waiting waiting{task, {}, size};
    if (to != nullptr) waiting.bytes.assign(to, to + size);
    waiting_.push_back(std::move(waiting));
  }
  need_helper();
  return *task.record;
}

bool PoolCore::may_take(const Place& place) const {
  return place.lane != nullptr && !place.quitting && place.in_lane() < place.depth &&
         (setup_.max_tasks_per_child == 0 ||
          place.given < static_cast<std::uint32_t>(setup_.max_tasks_per_child));
}

// The next in turn, or the one after it when that has less to do.
Place* PoolCore::place_for_task() {
  const auto n = places_.size();
  for (std::size_t tried = 0; tried < n; ++tried) {
    Place& one = places_[next_place_++ % n];
    if (!may_take(one)) continue;
    Place& other = places_[next_place_ % n];
    return may_take(other) && other.in_lane() < one.in_lane() ? &other : &one;
  }
  return nullptr;
}

// `bytes`: copied into the slot; null: they are there already, or in the task's run.
void PoolCore::fill(Place& place, const Task& task, const std::byte* bytes, std::uint64_t size) {
  Slot& slot = place.lane->slots[place.head % Lane::slots_in_all];
  if (bytes != nullptr) std::memcpy(slot.data, bytes, size);
  slot.content = Content::value;
  slot.thunk = detail::code_ref_of(task.type->run).word;
  slot.size = size;
  slot.run_offset = task.arguments.offset;
  slot.run_generation = task.arguments.generation;
  if (place.in_lane() == 0) place.last_taken = std::chrono::steady_clock::now();
  place.tasks[place.head % Lane::slots_in_all] = task;
  ++place.head;
  ++place.given;
  place.lane->program_processor.store(platform::this_processor(), std::memory_order_relaxed);
  // Sequentially consistent: before the look whether the worker sleeps.
  slot.state.store(raw(SlotState::ready));
  place.lane->work.wake_one();
}

// BROOD_INLINE: the call is made here and now, through the same bytes.
Record& PoolCore::run_here(const TaskType& type, detail::EncodeCall call) {
  {
    const std::lock_guard lock(mutex_);
    require_open();
  }
  Record& record = detail::take_record(*this);
  Writer measure(nullptr, 0);
  call.encode(measure, call.call);
  std::vector<std::byte> bytes(measure.written());
  Writer writer(bytes.data(), bytes.size());
  call.encode(writer, call.call);
  detail::count_handles(writer.handles());
  class Sink final : public detail::ResultSink {
   public:
    explicit Sink(Record& r) : r_(r) {}
    void deliver(Write write, const void* value) override {
      Writer count(nullptr, 0);
      write(count, value);
      r_.large.resize(count.written());
      Writer to(r_.large.data(), r_.large.size());
      write(to, value);
      r_.handles = static_cast<std::uint32_t>(to.handles().size());
      detail::count_handles(to.handles());
    }

   private:
    Record& r_;
  } sink(record);
  try {
    Reader from(bytes.data(), bytes.size());
    type.run(from, &sink);
    ++done_;
  } catch (...) {
    record.error = std::current_exception();
    ++failed_;
  }
  if (detail::finish_record(record)) detail::run_callbacks(&platform::say);
  return record;
}

// ---- results
// ---------------------------------------------------------------------------------------------------

void PoolCore::finish(Task& task) {
  if (task.arguments) arena::free(std::exchange(task.arguments, {}));
  ++(task.record->error ? failed_ : done_);
  detail::finish_record(*std::exchange(task.record, nullptr));
}

void PoolCore::fail(Task& task, const std::exception_ptr& error) {
  task.record->error = error;
  finish(task);
}

// All of the slot is copied once and judged then: the worker may write to it as it likes.
void PoolCore::take_result(Place&, Slot& slot, Task& task) {
  const auto content = static_cast<std::uint32_t>(slot.content);
  const std::uint64_t size = slot.size;
  const arena::Run run{slot.run_offset, slot.run_generation};
  Record& record = *task.record;
  record.handles = std::min(slot.handles, 1U << 20);
  const std::byte* bytes = slot.data;
  if (run) {
    if (arena::size_of(run) < size) {
      return fail(
          task, std::make_exception_ptr(DecodeError("the worker's lane names a result that does not exist")));
    }
    arena::adopt(run);  // it is ours now, whatever becomes of the worker
    bytes = arena::at(run.offset, size);
  } else if (size > sizeof slot.data) {
    return fail(task, std::make_exception_ptr(
                          DecodeError("the worker's lane holds a result of an impossible length")));
  }
  if (content == static_cast<std::uint32_t>(Content::exception)) {
    const std::vector<std::byte> copy(bytes, bytes + size);
    Reader from(copy.data(), copy.size());
    if (run) arena::free(run);
    return fail(task, exec::decode_exception(from));
  }
  if (run) {
    record.block = bytes;
    record.block_size = size;
    record.block_name = run.place().bits;
    record.release = &free_block;
  } else if (size <= record.small.size()) {
    std::memcpy(record.small.data(), bytes, size);
    record.size = static_cast<std::uint32_t>(size);
  } else {
    record.large.assign(bytes, bytes + size);
  }
  finish(task);
}

bool PoolCore::take_results(Place& place) {
  if (place.lane == nullptr) return false;
  std::uint32_t taken = 0;
  while (place.tail != place.head) {
    Slot& slot = place.lane->slots[place.tail % Lane::slots_in_all];
    const auto state = slot.state.load(std::memory_order_acquire);
    Task& task = place.tasks[place.tail % Lane::slots_in_all];
    if (state == raw(SlotState::done) && task.record != nullptr) {
      take_result(place, slot, task);
      ++taken;
    } else if (state != raw(SlotState::passed) || task.record != nullptr) {
      break;
    }
    slot.state.store(raw(SlotState::free), std::memory_order_release);
    ++place.tail;
  }
  if (taken > 0) adapt(place, taken);
  return taken > 0;
}

// A lane may hold as many tasks as take lane_seconds, by what they took lately.
void PoolCore::adapt(Place& place, std::uint32_t taken) {
  const auto now = std::chrono::steady_clock::now();
  const double each = std::chrono::duration<double>(now - place.last_taken).count() / taken;
  place.last_taken = now;
  place.seconds_each = place.seconds_each == 0 ? each : 0.7 * place.seconds_each + 0.3 * each;
  const double wanted = lane_seconds / std::max(place.seconds_each, 1e-9);
  place.depth = static_cast<std::uint32_t>(std::clamp(wanted, 2.0, static_cast<double>(most_in_lane)));
}

bool PoolCore::take_results() {
  bool any = false;
  for (auto& place : places_) any = take_results(place) || any;
  return any;
}

void PoolCore::hand_out() {
  while (!waiting_.empty()) {
    Place* place = place_for_task();
    if (place == nullptr) break;
    const Waiting& next = waiting_.front();
    fill(*place, next.task, next.bytes.empty() ? nullptr : next.bytes.data(), next.size);
    waiting_.pop_front();
  }
  if (waiting_.empty()) rebalance();
  if (setup_.max_tasks_per_child == 0) return;
  for (auto& place : places_) {
    if (place.lane != nullptr && !place.quitting &&
        place.given >= static_cast<std::uint32_t>(setup_.max_tasks_per_child)) {
      quit(place);
    }
  }
}

// A worker with nothing to do gets what waits behind another's task.
void PoolCore::rebalance() {
  for (auto& idle : places_) {
    if (idle.in_lane() != 0 || !may_take(idle)) continue;
    Place* busiest = nullptr;
    for (auto& place : places_) {
      if (place.lane != nullptr && place.in_lane() > 1 &&
          (busiest == nullptr || place.in_lane() > busiest->in_lane())) {
        busiest = &place;
      }
    }
    if (busiest == nullptr) return;
    for (auto n = busiest->in_lane() / 2; n > 0 && may_take(idle) && take_back_one(*busiest, idle); --n) {
    }
  }
}

// The last task of a lane that was not begun goes to another one.
bool PoolCore::take_back_one(Place& from, Place& to) {
  for (auto at = from.head; at-- != from.tail;) {
    Task& task = from.tasks[at % Lane::slots_in_all];
    if (task.record == nullptr) continue;
    Slot& slot = from.lane->slots[at % Lane::slots_in_all];
    auto ready = raw(SlotState::ready);
    if (!slot.state.compare_exchange_strong(ready, raw(SlotState::revoked))) return false;
    const std::uint64_t size =
        task.arguments ? slot.size : std::min<std::uint64_t>(slot.size, sizeof slot.data);
    fill(to, task, task.arguments ? nullptr : slot.data, size);
    task = {};
    --from.given;
    return true;
  }
  return false;
}

void PoolCore::quit(Place& place) {
  place.quitting = true;
  Slot& slot = place.lane->slots[place.head % Lane::slots_in_all];
  slot.content = Content::quit;
  place.tasks[place.head % Lane::slots_in_all] = {};
  slot.state.store(raw(SlotState::ready));
  place.lane->work.wake_one();
}

bool PoolCore::all_done() const {
  const auto lane_is_done = [](const Place& place) {
    for (auto at = place.tail; at != place.head; ++at) {
      if (place.tasks[at % Lane::slots_in_all].record != nullptr) return false;
    }
    return true;
  };
  return waiting_.empty() && std::all_of(places_.begin(), places_.end(), lane_is_done);
}

void PoolCore::fail_waiting(const std::exception_ptr& error) {
  for (auto& waiting : waiting_) {
    if (waiting.task.arguments) {
      // What the call names is given back by decoding it.
      try {
        Reader from(arena::at(waiting.task.arguments.offset, waiting.size), waiting.size);
        waiting.task.type->drop(from, nullptr);
      } catch (...) {  // a user's codec threw; nothing else to do
      }
    }
    fail(waiting.task, error);
  }
  waiting_.clear();
}

// ---- waiting
// ---------------------------------------------------------------------------------------------------

// Whoever waits takes the results in and hands tasks out meanwhile.
bool PoolCore::wait_until(FunctionRef<bool()> done, Deadline until) {
  const auto step = [&] {
    const std::lock_guard lock(mutex_);
    take_results();
    hand_out();
    return done();
  };
  if (here_) return done();
  struct Count {
    std::atomic<int>& n;
    explicit Count(std::atomic<int>& count) : n(count) { ++n; }
    ~Count() { --n; }
  } const count(waiters_);
  if (step()) return true;
  if (until.is_now()) return false;
  const auto spin_until = std::chrono::steady_clock::now() + platform::spin_time;
  for (;;) {
    const auto seen = results_->ready.prepare();
    if (step()) return true;
    if (std::chrono::steady_clock::now() < spin_until && platform::usable_processor_count() > 1) {
      for (int i = 0; i < 100; ++i) platform::relax();
      continue;
    }
    if (!results_->ready.sleep(seen, until)) return step();
  }
}

bool PoolCore::wait(Record& record, Deadline until) {
  return wait_until([&] { return record.is_done(); }, until);
}

void PoolCore::wait_any(const std::vector<const Record*>& records) {
  wait_until(
      [&] {
        return std::any_of(records.begin(), records.end(), [](const Record* r) { return r->is_done(); });
      },
      Deadline::never());
}

void PoolCore::wake_waiters() {
  results_->ready.wake_all();
  results_->low.wake_all();
}

void PoolCore::attend() {
  {
    const std::lock_guard lock(mutex_);
    watched_ = true;
    need_helper();
  }
  if (results_ != nullptr) wake_waiters();
}

// A thread that hands out tasks and calls callbacks while nobody waits; made when there is something for it
// to do.
void PoolCore::need_helper() {
  if (helper_.joinable() || here_ || stop_) return;
  bool needed = watched_ || !waiting_.empty();
  for (const auto& place : places_) needed = needed || place.in_lane() > 1;
  if (!needed) return;
  const platform::SignalsBlocked quiet;
  ++process::session().own_threads;
  helper_ = std::thread([this] { help(); });
}

void PoolCore::help() {
  for (;;) {
    bool watched = false;
    const auto step = [&] {
      const std::lock_guard lock(mutex_);
      take_results();
      hand_out();
      watched = watched_;
      return stop_;
    };
    const auto low = results_->low.prepare();
    if (step()) return static_cast<void>(detail::run_callbacks(&platform::say));
    if (watched) {
      detail::run_callbacks(&platform::say);
      const auto ready = results_->ready.prepare();
      if (step()) return static_cast<void>(detail::run_callbacks(&platform::say));
      if (!detail::run_callbacks(&platform::say)) results_->ready.sleep(ready, Deadline::never());
    } else {
      results_->low.sleep(low, Deadline::never());
    }
  }
}

// ---- the end
// ---------------------------------------------------------------------------------------------------

void PoolCore::close() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::open) state_ = State::closed;
}

bool PoolCore::join(Deadline until) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::open)
      throw UsageError("join() of a pool that is open; call close() or terminate() first");
    if (here_) state_ = State::joined;
  }
  if (here_) return true;
  if (!wait_until([&] { return all_done(); }, until)) return false;
  std::vector<std::shared_ptr<process::Child>> children;
  {
    const std::lock_guard lock(mutex_);
    for (auto& place : places_) {
      if (place.lane == nullptr) continue;
      if (!place.quitting) quit(place);
      children.push_back(place.child);
    }
    if (state_ == State::closed) state_ = State::terminated;  // from here on nothing is restarted
  }
  for (const auto& child : children) {
    try {
      if (!child->join(until)) return false;
    } catch (const StartFailed&) {  // never born; its tasks have been failed
    }
  }
  stop_threads();
  const std::lock_guard lock(mutex_);
  state_ = State::joined;
  return true;
}

void PoolCore::terminate() {
  std::vector<std::shared_ptr<process::Child>> children;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::joined) return;
    state_ = State::terminated;
    take_results();
    const auto error =
        std::make_exception_ptr(PoolTerminated("the pool was terminated before this task had ended"));
    fail_waiting(error);
    for (auto& place : places_) {
      if (place.lane == nullptr) continue;
      for (auto at = place.tail; at != place.head; ++at) {
        Task& task = place.tasks[at % Lane::slots_in_all];
        if (task.record != nullptr) fail(task, error);
      }
      place.quitting = true;
      children.push_back(place.child);
    }
  }
  if (results_ != nullptr) wake_waiters();
  for (const auto& child : children) {
    try {
      child->signal(9);
    } catch (const Error&) {  // not born, or gone
    }
  }
}

detail::PoolHandle::Counts PoolCore::counts() {
  const std::lock_guard lock(mutex_);
  detail::PoolHandle::Counts n{waiting_.size(), 0, done_, failed_, restarts_, 0};
  for (const auto& place : places_) {
    n.workers += place.lane != nullptr;
    std::uint64_t here = 0;
    for (auto at = place.tail; place.lane != nullptr && at != place.head; ++at) {
      here += place.tasks[at % Lane::slots_in_all].record != nullptr;
    }
    n.running += here > 0;
    n.queued += here > 0 ? here - 1 : 0;
  }
  return n;
}

}  // namespace brood::pool
