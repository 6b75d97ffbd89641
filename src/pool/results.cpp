// Takes results from the lanes: copied first and then checked, because workers may write anything.

#include <algorithm>
#include <brood/codec.hpp>
#include <brood/errors.hpp>
#include <cstring>

#include "arena/members.hpp"
#include "arena/references.hpp"
#include "exec/failure.hpp"
#include "pool/claimed.hpp"
#include "pool/pool_core.hpp"

namespace brood::pool {

namespace {

// A lane holds about this much work: enough to hide a wake-up, little enough to wait behind.
constexpr double lane_seconds = 1e-3;

}  // namespace

// The worker's number in the arena, 0 when it has none. Looked up only once, since other processes can write
// to the table.
std::uint32_t PoolCore::member_of(Place& place) {
  if (place.member != 0) return place.member;
  try {
    // Its result may arrive before the server's answer about its start.
    place.member = arena::member_of(place.child->pid().value_or(0));
  } catch (const Error&) {  // never started
  }
  return place.member;
}

// Completes the task's record, with an error or with the result already in it.
void PoolCore::resolve(Task& task, const std::exception_ptr& error) {
  if (task.record == nullptr) return;
  Record& record = *task.record;
  if (error) record.error = error;
  ++(record.error ? failed_ : done_);
  if (task.limits) unschedule(*task.limits);
  record.task = nullptr;
  if (task.asked) {
    answer(task);
    task.record = nullptr;
    record.word.fetch_or(Record::looked, std::memory_order_relaxed);
    detail::finish_record(record);
    detail::drop_record(record);
  } else {
    task.record = nullptr;
    detail::finish_record(record);
  }
  if (works_ != 0) works_go_on_.wake_sleepers();
}

// Frees the call, which nobody will read any more.
void PoolCore::drop_call(Task& task) {
  if (task.limits) unschedule(*task.limits);
  arena::free(task.arguments);
  task = {};
}

// Takes over the objects that the worker's result names: they are held here from now on.
detail::HeldNames PoolCore::pick_up(Place& place, const Claimed& result, std::exception_ptr& error) {
  detail::Names held;
  try {
    const auto names = result.names();
    held.reserve(names.size());
    for (const auto object : names) {
      arena::pick_up(object, member_of(place));
      held.push_back(object);
    }
  } catch (const std::exception&) {  // not an object, or no memory
    error = std::current_exception();
  }
  return detail::HeldNames(std::move(held));
}

void PoolCore::take_result(Place& place, Slot& slot, Task& task) {
  Claimed result(slot);
  if (task.limits && task.limits->doom) resolve(task, task.limits->doom);  // ignores its result
  auto error = result.check(result.has_run() ? member_of(place) : 0);
  detail::HeldNames left;
  if (!error && result.has_names()) left = pick_up(place, result, error);
  if (error) {
    result.drop();
    resolve(task, error);
  } else if (result.is_exception()) {
    const auto copy = result.take_bytes();
    Reader from(copy.data(), copy.size());
    if (task.record != nullptr) {
      const auto told = told_of(place, place.tail);
      resolve(task, exec::decode_exception(from, &told));
    }
  } else if (task.record != nullptr) {
    result.keep(*task.record);
    static_cast<void>(left.take());  // now the record's
    resolve(task);
  } else {  // the end of the pool resolved the task
    result.drop();
  }
  drop_call(task);
  if (place.waits) end_stand_in(place);
}

// True when a correct worker can leave a lane's oldest used slot in this state.
bool PoolCore::may_be(const Task& task, std::uint32_t state) {
  return task.exists() ? state == raw(SlotState::ready) || state == raw(SlotState::running)
                       : state == raw(SlotState::revoked);
}

// True when the lane's oldest used slot says that its task has not ended, but the worker has begun a later
// one, so the slot is corrupt. (The later slot is read first: if it has been begun, the oldest one had
// ended.) Checked rarely, because a busy worker needs these cache lines for itself.
bool PoolCore::was_passed_by(const Place& place) {
  if (place.lane == nullptr || place.in_lane() < 2) return false;
  const auto next = place.slot_at(place.tail + 1).state.load();
  if (next != raw(SlotState::running) && next != raw(SlotState::done)) return false;
  const auto now = place.slot_at(place.tail).state.load();
  return now != raw(SlotState::done) && now != raw(SlotState::passed);
}

// Ends a worker that has corrupted its lane, whose contents can no longer be trusted. The tasks it had not
// begun go to other workers.
void PoolCore::condemn(Place& place) {
  if (!std::exchange(place.condemned, true)) end_worker(place);
}

void PoolCore::end_worker(Place& place) {
  place.quitting = true;  // no more tasks go into its lane
  try {
    place.child->signal(9);
  } catch (const Error&) {  // it has ended and will soon be buried
  }
}

bool PoolCore::take_results(Place& place) {
  if (place.lane == nullptr) return false;
  place.was_up = place.was_up || place.lane->up.load(std::memory_order_relaxed) == 1;
  std::uint32_t taken = 0;
  while (place.tail != place.head) {
    Slot& slot = place.slot_at(place.tail);
    // acquire: when the state is done, the result is there.
    const auto state = slot.state.load(std::memory_order_acquire);
    Task& task = place.task_at(place.tail);
    if (state == raw(SlotState::done) && task.exists()) {
      take_result(place, slot, task);
      ++taken;
    } else if (state != raw(SlotState::passed) || task.exists()) {
      if (!may_be(task, state)) condemn(place);
      break;
    }
    slot.state.store(raw(SlotState::free), std::memory_order_release);
    ++place.tail;
  }
  if (taken == 0) return false;
  adapt(place, taken);
  if (setup_.max_worker_memory != 0 && !place.quitting && place.lane->full.load() != 0) quit(place);
  return true;
}

// Adjusts a lane's depth to as many tasks as take lane_seconds, judging by recent ones.
void PoolCore::adapt(Place& place, std::uint32_t taken) {
  const auto now = std::chrono::steady_clock::now();
  const double each = std::chrono::duration<double>(now - place.last_taken).count() / taken;
  place.last_taken = now;
  place.worker_nanoseconds = place.lane->nanoseconds_each.load(std::memory_order_relaxed);
  place.seconds_each = place.seconds_each == 0 ? each : 0.7 * place.seconds_each + 0.3 * each;
  const double most = place.slots - 2;  // one for quit, one never used
  const double wanted = lane_seconds / std::max(place.seconds_each, 1e-9);
  place.depth = static_cast<std::uint32_t>(std::clamp(wanted, 2.0, most));
}

bool PoolCore::take_results() {
  bool any = false;
  busy_.each([&](std::size_t i) {
    any = take_results(places_[i]) || any;
    if (places_[i].in_lane() == 0) busy_.remove(i);
  });
  return any;
}

void PoolCore::fail_waiting(Line& waiting, const std::exception_ptr& error) {
  if (waiting.empty()) return;
  const exec::EachItsOwn own(error);
  for (auto& each : waiting) {
    withdrawn_ -= !each.task.exists();
    resolve(each.task, own());
    drop_call(each.task);
  }
  waiting.clear();
}

bool PoolCore::all_done() const {
  const auto lane_is_done = [](const Place& place) {
    for (auto at = place.tail; place.lane != nullptr && at != place.head; ++at) {
      if (place.task_at(at).record != nullptr) return false;
    }
    return true;
  };
  return works_ == 0 && !is_something_left() && in_line() == 0 &&
         std::all_of(places_.begin(), places_.end(), lane_is_done);
}

}  // namespace brood::pool
