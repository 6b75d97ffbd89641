// How a task gets into a lane.

#include <algorithm>
#include <brood/codec.hpp>
#include <brood/errors.hpp>
#include <brood/task_errors.hpp>
#include <cstring>

#include "base/scope.hpp"
#include "exec/failure.hpp"
#include "platform/surroundings.hpp"
#include "pool/pool_core.hpp"
#include "process/session.hpp"

namespace brood::pool {

namespace {

thread_local PoolCore* running_here = nullptr;

// Explained in docs/decisions/0010-short-tasks-stay-together.md.
constexpr std::uint32_t short_task = 20'000;  // nanoseconds; to wake a sleeper takes about as long
// Tasks that one worker gets in a row before its progress is checked.
constexpr std::uint32_t most_in_a_row = 64;
// How long a lane of short tasks may make no progress before other workers are woken for what waits in it.
constexpr auto longest_patience = std::chrono::milliseconds(1);

// Attempts to acquire the books. A task that is left for another thread costs more than a retry or two.
constexpr int looks_for_books = 4;

}  // namespace

void PoolCore::require_open() const {
  switch (state_) {
    case State::open:
      return;
    case State::broken:
      std::rethrow_exception(exec::EachItsOwn(broken_)());
    case State::closed:
      if (is_carrier()) return;
      [[fallthrough]];
    default:
      // The rest of a map that was submitted while the pool was open.
      if (is_carrier()) throw PoolTerminated("the pool was terminated before this task began");
      throw UsageError(
          "the pool takes no more tasks: it has been closed; submit before close(), or make a new Pool");
  }
}

Record& PoolCore::submit(const TaskType& type, detail::EncodeCall call, const CallOptions* options) {
  if (here_) return run_here(type, call);
  process::require_member();
  if (setup_.max_pending != 0) return submit_in_time(type, call, options);
  if (const Books books(*this, std::try_to_lock, looks_for_books); books)
    return submit_now(type, call, options);
  return leave_task(type, call, options);
}

// Waits until fewer than max_pending tasks are unfinished. Collects results while it waits.
Record& PoolCore::submit_in_time(const TaskType& type, detail::EncodeCall call, const CallOptions* options) {
  Record* record = nullptr;
  const auto max = static_cast<std::uint64_t>(setup_.max_pending);
  wait_until(
      [&] {
        if (state_ == State::open && submitted_ - done_ - failed_ >= max) return false;
        record = &submit_now(type, call, options);
        return true;
      },
      Deadline::never(),
      [&](platform::WaitText& text) {
        text << "a submission to a pool that has its max_pending tasks (" << max << ")";
      });
  return *record;
}

Record& PoolCore::submit_now(const TaskType& type, detail::EncodeCall call, const CallOptions* options) {
  require_open();
  note_activity();
  const bool alone = options != nullptr && options->time_limit.is_limited();
  // A task with a priority or a key must go through its line.
  const bool straight = options == nullptr || (options->priority == 0 && options->key.empty());
  const auto free_place = [&] {
    return straight && waiting_.empty() && ranked_.empty() && !is_something_left() ? place_for_task(alone)
                                                                                   : nullptr;
  };
  Place* place = free_place();
  if (place == nullptr && straight && turn_is_due()) {
    turn();
    place = free_place();
  }
  // Tasks that threads left here while another held the books come first.
  if (!straight) take_left();

  // If there is a free slot, encode directly into the place where its call is kept.
  Waiting made;
  std::byte room[sizeof Slot::data];
  std::byte* const to = place != nullptr ? place->call_at(place->head) : room;
  Record& record = encode_task(made, type, call, options, to);
  try {
    if (place != nullptr && !is_late(made.task)) {
      if (made.task.limits) schedule(*made.task.limits);
      const std::byte* const bytes = made.task.arguments ? nullptr : to;
      fill(*place, std::move(made.task), bytes, made.size);
    } else {
      if (!made.task.arguments) made.bytes.assign(to, made.size);
      Task* const there = line_up(std::move(made), false);
      if (there != nullptr && is_late(*there)) expire(*there->limits);
    }
  } catch (const std::bad_alloc&) {  // its future reports this; any entry in a line is now empty
    resolve(made.task, std::current_exception());
    drop_call(made.task);
  }
  if (!straight) turn_if_possible();
  // While nobody waits, the helper does what remains to be done. A result that came before its worker saw
  // `wanted` is collected now.
  const bool more_than_one = place != nullptr ? place->in_lane() > 1 : straight || in_line() != 0;
  if (more_than_one && waiters_.load() == 0 && results_->wanted.load(std::memory_order_relaxed) == 0) {
    want(Wanted::low);
    turn();
  }
  hurry_helper(look_again_);  // the helper may have gone to sleep before this was set
  return record;
}

// Whether to look again at lanes that were full. Each look takes cache lines from the workers that use them,
// so a lane with a long backlog is left alone while a few more tasks come.
bool PoolCore::turn_is_due() {
  if (calm_for_ == 0 || is_something_left()) return true;
  --calm_for_;
  return false;
}
void PoolCore::note_calm() {
  constexpr std::uint32_t longest_calm = 16, share = 8;
  std::uint32_t least = 0;
  busy_.each([&](std::size_t i) {
    const auto n = places_[i].in_lane();
    if (n != 0) least = least == 0 ? n : std::min(least, n);
  });
  calm_for_ = std::min(least / share, longest_calm);
}

// Encodes into `room`, which is as large as a slot's data, or into a run of the arena if the call does not
// fit. Needs no books; runs the user's codecs.
Record& PoolCore::encode_task(Waiting& made, const TaskType& type, detail::EncodeCall call,
                              const CallOptions* options, std::byte* room) {
  Task& task = made.task;
  task.type = &type;
  std::byte* to = room;
  Writer writer(to, sizeof Slot::data);
  call.encode(writer, call.call);
  made.size = writer.written();
  OnExit unused([&] { arena::free(task.arguments); });
  if (!writer.fits()) {
    task.arguments = arena::allocate(made.size);
    to = arena::all_of(task.arguments.offset, made.size);
    Writer whole(to, made.size);
    call.encode(whole, call.call);
  }
  if (type.by_pointer) std::memcpy(&task.function, to, sizeof task.function);
  if (!writer.handles().empty())
    task.names = std::make_unique<detail::HeldNames>(detail::HeldNames::of(writer.handles()));
  if (options != nullptr) task.limits = limits_of(*options, {to, made.size}, writer.handles());
  task.record = &detail::take_record(*this);
  if (setup_.max_pending != 0) ++submitted_;
  if (task.limits) task.limits->record = task.record;
  unused.dismiss();
  return *task.record;
}

// `alone`: only if the worker would begin the task at once.
bool PoolCore::may_take(const Place& place, bool alone) const {
  return place.lane != nullptr && !place.quitting && !place.waits && !place.parked &&
         place.in_lane() < (alone ? 1 : place.depth) &&
         (setup_.max_tasks_per_child == 0 ||
          place.given < static_cast<std::uint32_t>(setup_.max_tasks_per_child));
}

// True while the worker makes progress with tasks that end sooner than another worker could be woken.
bool PoolCore::is_underway(const Place& place, Clock::time_point now) const {
  return place.worker_nanoseconds != 0 && place.worker_nanoseconds < short_task &&
         now - std::max(place.last_taken, place.helped_at) < longest_patience;
}
void PoolCore::look_again_after(const Place& place) {
  look_again_ = std::min(look_again_, std::max(place.last_taken, place.helped_at) + longest_patience);
}

// Short tasks stay with as many workers as there are processors: another one would be woken only to take
// turns with them. If their lanes are full, these workers are left alone as long as they make progress. If
// fewer workers than that are known to be quick, a worker without timing data gets a task.
PoolCore::Choice PoolCore::among_the_awake() {
  Place *best = nullptr, *unknown = nullptr;
  std::size_t awake = 0;
  auto now = Clock::time_point::min();
  for (std::size_t i = 0; i < used_places_ && awake < processors_; ++i) {
    auto& place = places_[i];
    if (place.lane == nullptr || place.quitting || place.waits || place.parked) continue;
    if (place.worker_nanoseconds >= short_task) continue;
    if (place.worker_nanoseconds == 0) {
      if (unknown == nullptr && place.in_lane() == 0 && may_take(place)) unknown = &place;
      continue;
    }
    if (may_take(place)) {
      if (best == nullptr || place.in_lane() < best->in_lane()) best = &place;
    } else {
      if (now == Clock::time_point::min()) now = Clock::now();
      if (!is_underway(place, now)) continue;
      look_again_after(place);
    }
    ++awake;
  }
  if (awake < processors_ && unknown != nullptr) return {unknown, true};
  return {best, best != nullptr || awake >= processors_};
}

// True if the worker is awake and its backlog takes less time than another would need to wake up. Checked
// after a number of tasks in a row, because a look takes a cache line of the lane from the worker.
bool PoolCore::keeps_up(Place& place) {
  const auto each = place.worker_nanoseconds;
  if (each == 0 || each > short_task / 2) return false;
  const auto most = std::min(short_task / each, most_in_a_row);
  if (++place.in_a_row >= most) {
    place.in_a_row = 0;
    if (place.in_lane() >= most && place.slot_at(place.head - most).state.load() == raw(SlotState::ready))
      return false;
  }
  look_again_after(place);
  return true;
}

// The last worker, if it is idle or keeps up: it may still be awake, and another would compete for its
// processor. Otherwise the next in turn, or the one after that if it has less to do.
Place* PoolCore::place_for_task(bool alone) {
  const auto n = used_places_;
  Place& last = places_[(next_place_ + n - 1) % n];
  if (may_take(last, alone) && (last.in_lane() == 0 || keeps_up(last))) return &last;
  if (n > processors_ && !alone) {
    const auto choice = among_the_awake();
    if (choice.place != nullptr) next_place_ = static_cast<std::uint32_t>(choice.place - places_.data()) + 1;
    if (choice.final) return choice.place;
  }
  for (std::size_t tried = 0; tried < n; ++tried) {
    Place& one = places_[next_place_++ % n];
    if (!may_take(one, alone)) continue;
    Place& other = places_[next_place_ % n];
    return may_take(other, alone) && other.in_lane() < one.in_lane() ? &other : &one;
  }
  return nullptr;
}

// An idle worker, or else one whose last task has the same depth. Behind a shallower task this task might
// wait for the very task that waits for it; behind a deeper one it would begin before other deep ones.
Place* PoolCore::place_for_asked(const Task& task, bool alone) {
  Place* const idle = place_for_task(true);
  if (idle != nullptr || alone) return idle;
  for (std::size_t i = 0; i < used_places_; ++i) {
    auto& place = places_[i];
    if (may_take(place) && place.in_lane() != 0 && place.task_at(place.head - 1).depth() == task.depth()) {
      return &place;
    }
  }
  return nullptr;
}

// `bytes`: the encoded call, possibly in the place where it is kept; null if it is in the task's run.
void PoolCore::fill(Place& place, Task task, const std::byte* bytes, std::uint64_t size) {
  Slot& slot = place.slot_at(place.head);
  if (bytes != nullptr) {
    std::byte* const kept = place.call_at(place.head);
    if (bytes != kept) std::memcpy(kept, bytes, size);
    std::memcpy(slot.data, bytes, size);
  }
  task.size = size;
  slot.content = Content::value;
  slot.thunk = task.asked ? task.asked->thunk : detail::code_ref_of(task.type->run).word;
  slot.size = size;
  slot.run_offset = task.arguments.offset;
  slot.run_generation = task.arguments.generation;
  slot.memory_limit = task.limits ? task.limits->options.memory_limit.value_or(0) : 0;
  if (task.limits) begin_time_limit(task);
  if (place.in_lane() == 0) place.last_taken = std::chrono::steady_clock::now();
  if (task.record != nullptr) task.record->task = &place.task_at(place.head);
  place.task_at(place.head) = std::move(task);
  ++place.head;
  busy_.add(static_cast<std::size_t>(&place - places_.data()));
  ++place.given;
  place.lane->program_processor.store(platform::this_processor(), std::memory_order_relaxed);
  // Sequentially consistent: the store must precede the check whether the worker sleeps.
  slot.state.store(raw(SlotState::ready));
  place.lane->work.wake_one();
}

void PoolCore::quit(Place& place) {
  place.quitting = true;
  Slot& slot = place.slot_at(place.head);
  if (slot.state.load(std::memory_order_relaxed) != raw(SlotState::free)) condemn(place);
  slot.content = Content::quit;
  place.task_at(place.head) = {};
  slot.state.store(raw(SlotState::ready));
  place.lane->work.wake_one();
}

// BROOD_INLINE: the call is made here and now, from the same bytes. Several threads may be here at once, and
// tasks may submit tasks, so the books are held only briefly.
Record& PoolCore::run_here(const TaskType& type, detail::EncodeCall call) {
  bool usable = true;
  {
    const Books books(*this);
    usable = state_ != State::broken;
    if (usable) require_open();
  }
  Writer measure(nullptr, 0);
  call.encode(measure, call.call);
  std::vector<std::byte> bytes(measure.written());
  Writer writer(bytes.data(), bytes.size());
  call.encode(writer, call.call);
  const auto names = detail::HeldNames::of(writer.handles());
  Record& record = detail::take_record(*this);
  class Sink final : public detail::ResultSink {
   public:
    explicit Sink(Record& r) : r_(r) {}
    void deliver(Write write, const void* value) override { detail::keep_encoded(r_, write, value); }

   private:
    Record& r_;
  } sink(record);
  auto* const outer = std::exchange(running_here, this);
  try {
    if (!usable) std::rethrow_exception(broken_);  // not written again after the initializer has thrown
    Reader from(bytes.data(), bytes.size());
    type.run(from, &sink);
  } catch (...) {
    record.error = std::current_exception();
  }
  running_here = outer;
  {
    const Books books(*this);
    ++(record.error == nullptr ? done_ : failed_);
  }
  if (detail::finish_record(record)) detail::run_callbacks(&platform::say);
  return record;
}

// BROOD_INLINE: an initializer that throws breaks the pool, as it does in a worker.
void PoolCore::initialize_here() {
  if (!setup_.initializer) return;
  try {
    setup_.initializer.run();
  } catch (...) {
    broken_ = broken_by_initializer(std::current_exception());
    state_ = State::broken;
  }
}

std::shared_ptr<Core> inline_core() {
  return running_here != nullptr ? running_here->shared_from_this() : nullptr;
}

}  // namespace brood::pool
