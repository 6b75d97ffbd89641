// Tasks that were submitted with options: deadlines, time limits, reruns after a death; and cancelling.
//
// A task that must end goes through at most three stages: it is revoked before it has begun; asked to stop;
// killed with its worker. From the second stage on its outcome is settled, and its future is resolved when
// nothing of it is running any more.

#include <algorithm>
#include <brood/errors.hpp>
#include <brood/task_errors.hpp>
#include <csignal>
#include <cstring>

#include "base/duration_text.hpp"
#include "pool/pool_core.hpp"

namespace brood::pool {

using namespace std::chrono_literals;

Clock::time_point later(Clock::time_point when, std::chrono::nanoseconds wait) {
  wait = std::max(wait, 0ns);
  return wait < Clock::time_point::max() - when ? when + wait : Clock::time_point::max();
}

namespace {

Clock::time_point in(std::chrono::nanoseconds wait) { return later(Clock::now(), wait); }

}  // namespace

std::unique_ptr<Limits> limits_of(const CallOptions& options, std::span<const std::byte> call,
                                  const detail::Names& names) {
  auto limits = std::make_unique<Limits>();
  limits->options = options;
  if (options.deadline.is_limited()) limits->deadline = in(options.deadline.span());
  if (options.idempotent) {
    limits->call.assign(call.begin(), call.end());
    limits->names = detail::HeldNames::of(names);
  }
  return limits;
}

// ---- timers

// Allocates only the first time, at submission: a time limit begins at a point where nothing may fail.
void PoolCore::schedule(Limits& limits) {
  const auto next = limits.doom ? limits.kill_at : std::min(limits.deadline, limits.over_at);
  if (!limits.timer) {
    limits.timer = timers_.emplace(next, &limits);
  } else {
    auto node = timers_.extract(*limits.timer);
    node.key() = next;
    limits.timer = timers_.insert(std::move(node));
  }
  hurry_helper(next);
}

void PoolCore::unschedule(Limits& limits) {
  if (limits.timer) timers_.erase(*std::exchange(limits.timer, std::nullopt));
}

void PoolCore::begin_time_limit(Task& task) {
  auto& limits = *task.limits;
  if (!limits.options.time_limit.is_limited()) return;
  limits.over_at = in(limits.options.time_limit.span());
  schedule(limits);
}

void PoolCore::expire_due() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) expire(*timers_.begin()->second);
}

// Ensures that the helper wakes up by then.
void PoolCore::hurry_helper(Clock::time_point when) {
  if (when >= helper_wakes_at_) return;
  helper_wakes_at_ = when;
  results_->helper.wake_all();
}

// When the helper must wake up next.
Deadline PoolCore::next_timer() {
  helper_wakes_at_ = timers_.empty() ? look_again_ : std::min(look_again_, timers_.begin()->first);
  for (auto i = static_cast<std::size_t>(setup_.workers); i < used_places_; ++i) {
    const auto& place = places_[i];
    if (place.parked && place.lane != nullptr && !place.quitting)
      helper_wakes_at_ = std::min(helper_wakes_at_, place.parked_until);
  }
  if (setup_.max_worker_age != 0ns) {
    for (std::size_t i = 0; i < used_places_; ++i) {
      const auto& place = places_[i];
      if (place.lane == nullptr || place.quitting) continue;
      helper_wakes_at_ = std::min(helper_wakes_at_, later(place.born_at, setup_.max_worker_age));
    }
  }
  return helper_wakes_at_ == Clock::time_point::max() ? Deadline::never()
                                                      : Deadline::in(helper_wakes_at_ - Clock::now());
}

void PoolCore::recycle_aged() {
  if (setup_.max_worker_age == 0ns) return;
  const auto oldest = Clock::now() - setup_.max_worker_age;
  for (std::size_t i = 0; i < used_places_; ++i) {
    auto& place = places_[i];
    if (place.lane != nullptr && !place.quitting && place.born_at <= oldest) quit(place);
  }
}

// ---- the end of a task

bool PoolCore::is_late(const Task& task) { return task.limits && task.limits->deadline <= Clock::now(); }

// Handles an expired timer of an unresolved task; the clock tells which one it was. If memory runs out on the
// way, it is tried again.
void PoolCore::expire(Limits& limits) {
  Task& task = *limits.record->task;
  const auto& options = limits.options;
  const auto name = call_of(task);
  if (limits.doom) {
    limits.doom = std::make_exception_ptr(DeadlineExceeded(limits.missed + ", did not stop within " +
                                                           text_of(options.grace.span()) +
                                                           " when asked to, and was ended with its process"));
    limits.kill_at = Clock::time_point::max();
    schedule(limits);
    kill_running(seat_of(task));
    return;
  }
  const auto now = Clock::now();
  const bool late = now >= limits.deadline;
  const std::string which =
      late ? "its deadline, " + text_of(options.deadline.span()) + " after its submission"
           : "its time limit of " + text_of(options.time_limit.span());
  if (late && withdraw(task, std::make_exception_ptr(DeadlineExceeded(name + " had not begun by " + which +
                                                                      "; it never will")))) {
    return;
  }
  const Seat seat = seat_of(task);
  const auto state =
      seat.place != nullptr ? seat.place->slot_at(seat.at).state.load() : raw(SlotState::ready);
  if (state == raw(SlotState::done)) {
    // The result is about to be taken in. Or it cannot be, because the worker says that an earlier task is
    // not done: that is garbage.
    limits.deadline = limits.over_at = Clock::time_point::max();
    schedule(limits);
    take_results(*seat.place);
    if (seat.at - seat.place->tail < seat.place->in_lane()) condemn(*seat.place);
    return;
  }
  if (state == raw(SlotState::ready)) {  // not begun: its worker has not reached it yet
    if (limits.over_at <= now) limits.over_at = in(options.time_limit.span());
    return schedule(limits);
  }
  limits.missed = name + " was not done by " + which;
  limits.doom =
      std::make_exception_ptr(DeadlineExceeded(limits.missed + "; it stopped when it was asked to"));
  limits.kill_at = in(options.grace.span());
  ask_to_stop(seat);
  schedule(limits);
}

bool PoolCore::running(Record& record) {
  if (here_) return false;
  const Books books(*this);
  turn();
  if (record.task == nullptr) return false;
  const Seat seat = seat_of(*record.task);
  return seat.place != nullptr && seat.place->slot_at(seat.at).state.load() == raw(SlotState::running);
}

bool PoolCore::cancel(Record& record, bool kill) {
  if (here_) return false;
  const Books books(*this);
  turn();  // the task may have ended, or may still be waiting to be taken into the books
  return record.task != nullptr && stop_task(*record.task, kill);
}

// True when the task's future will report the stop.
bool PoolCore::stop_task(Task& task, bool kill) {
  const auto name = call_of(task);
  if (withdraw(task, std::make_exception_ptr(Cancelled(name + " was cancelled before it had begun"))))
    return true;
  const Seat seat = seat_of(task);
  if (seat.place == nullptr || seat.place->slot_at(seat.at).state.load() != raw(SlotState::running))
    return false;
  ask_to_stop(seat);
  if (!kill) return false;
  if (!task.limits) {
    task.limits = std::make_unique<Limits>();
    task.limits->record = task.record;
  }
  unschedule(*task.limits);
  const auto before = std::exchange(
      task.limits->doom,
      std::make_exception_ptr(Cancelled(name + " was cancelled while it ran, and ended with its process")));
  if (kill_running(seat)) return true;
  task.limits->doom = before;  // the task has ended: restore its previous outcome
  return false;
}

// The call for messages, with its arguments while the task is in a lane.
std::string PoolCore::call_of(const Task& task) {
  const Seat seat = seat_of(task);
  return (seat.place != nullptr ? told_of(*seat.place, seat.at) : told_of(task)).call();
}

std::string PoolCore::call_of(const Record& record) {
  if (here_) return {};
  const Books books(*this);
  turn();
  return record.task != nullptr ? call_of(*record.task) : std::string();
}

// The task's position in a lane; a null place when it is in no lane.
PoolCore::Seat PoolCore::seat_of(const Task& task) {
  for (std::size_t i = 0; i < used_places_; ++i) {
    auto& place = places_[i];
    const Task* const first = place.tasks.get();
    if (place.lane == nullptr || &task < first || &task >= first + place.slots) continue;
    return {&place, place.tail + place.index_of(static_cast<std::uint32_t>(&task - first) - place.tail)};
  }
  return {};
}

// Removes a task that has not begun. False when it has.
bool PoolCore::withdraw(Task& task, const std::exception_ptr& error) {
  const Seat seat = seat_of(task);
  if (seat.place == nullptr) {
    ++withdrawn_;
  } else {
    auto ready = raw(SlotState::ready);
    if (!seat.place->slot_at(seat.at).state.compare_exchange_strong(ready, raw(SlotState::revoked)))
      return false;
    --seat.place->given;
  }
  resolve(task, error);
  drop_call(task);
  // No worker will signal the end of this task.
  results_->ready.wake_sleepers();
  callbacks_.wake_sleepers();
  return true;
}

void PoolCore::ask_to_stop(const Seat& seat) {
  auto& stop = seat.place->lane->stop;
  stop.store(seat.at + 1, std::memory_order_release);
  platform::unpark_all(stop);
}

// Kills the worker of a running task. False when the task has ended meanwhile. The worker cannot have begun
// another task by the time it dies: all tasks queued behind this one are revoked first, and only then is it
// checked whether this one is still running.
bool PoolCore::kill_running(const Seat& seat) {
  auto& place = *seat.place;
  take_back_all(place);
  // Any other state is garbage: as far as we know the task is still running.
  if (place.slot_at(seat.at).state.load() == raw(SlotState::done)) return false;
  end_worker(place);
  return true;
}

// Puts a task whose worker has died back at the head of the queue if it may run again. False when it may not,
// or cannot.
bool PoolCore::run_again(Task& task) {
  if (!task.limits || task.limits->doom || (state_ != State::open && state_ != State::closed)) return false;
  ++task.limits->runs;
  if (!task.limits->may_run_again()) return false;
  Waiting again;
  const auto& call = task.limits->call;
  again.size = call.size();
  arena::free(std::exchange(task.arguments, {}));
  try {
    if (call.size() > sizeof Slot::data) {
      task.arguments = arena::allocate(call.size());
      std::memcpy(arena::all_of(task.arguments.offset, call.size()), call.data(), call.size());
    } else {
      again.bytes.assign(call.data(), call.size());
    }
  } catch (const std::exception&) {  // no memory: the task fails because of its worker's death
    return false;
  }
  task.limits->over_at = Clock::time_point::max();
  again.task = std::exchange(task, {});
  ++reruns_;
  line_up(std::move(again), true);
  return true;
}

}  // namespace brood::pool
