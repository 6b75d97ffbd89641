// Tasks that are in no lane: their queues, called lines, and their way into a lane and back.

#include <algorithm>
#include <brood/errors.hpp>
#include <cstring>
#include <functional>
#include <string>

#include "pool/pool_core.hpp"

namespace brood::pool {

namespace {

bool is_bound(const Task& task) { return task.limits && !task.limits->options.key.empty() && !task.asked; }

}  // namespace

// The line in which the task waits. A task that a worker submitted goes into the line of its depth, whatever
// its key, because another task waits for it; any other task with a key is bound to one worker.
Line& PoolCore::line_of(const Task& task) {
  const OfPieces<Waiting> pieces(pieces_);
  if (task.asked) return asked_.try_emplace(task.depth(), pieces).first->second;
  if (!task.limits) return waiting_;
  const auto& options = task.limits->options;
  if (!options.key.empty()) {
    const auto place = std::hash<std::string>()(options.key) % static_cast<std::size_t>(setup_.workers);
    return bound_.try_emplace(place, pieces).first->second;
  }
  return options.priority == 0 ? waiting_ : ranked_.try_emplace(options.priority, pieces).first->second;
}

// The number of entries in all lines; withdrawn tasks count until they reach the head of their line.
std::size_t PoolCore::in_line() const {
  std::size_t n = waiting_.size();
  for (const auto& [depth, line] : asked_) n += line.size();
  for (const auto& [priority, line] : ranked_) n += line.size();
  for (const auto& [place, line] : bound_) n += line.size();
  return n;
}

void PoolCore::fail_lines(const std::exception_ptr& error) {
  for (auto& [depth, line] : asked_) fail_waiting(line, error);
  fail_waiting(waiting_, error);
  for (auto& [priority, line] : ranked_) fail_waiting(line, error);
  for (auto& [place, line] : bound_) fail_waiting(line, error);
}

// Puts the task into its line and returns its address there. Without memory for the entry or for the task's
// timer, the task fails, and the result is null.
Task* PoolCore::line_up(Waiting&& waiting, bool first) {
  try {
    auto& line = line_of(waiting.task);
    if (waiting.task.limits) schedule(*waiting.task.limits);
    Task& there =
        (first ? line.emplace_front(std::move(waiting)) : line.emplace_back(std::move(waiting))).task;
    there.record->task = &there;
    return &there;
  } catch (const std::bad_alloc&) {
    resolve(waiting.task, std::current_exception());
    drop_call(waiting.task);
    return nullptr;
  }
}

// Hands out tasks of a line; true when the line is empty afterwards. `bound`: the only worker that may run
// them.
bool PoolCore::hand_out(Line& waiting, Place* bound) {
  while (!waiting.empty()) {
    Waiting& next = waiting.front();
    if (!next.task.exists()) {
      --withdrawn_;
      waiting.pop_front();
      continue;
    }
    if (is_late(next.task)) {
      expire(*next.task.limits);
      continue;
    }
    const bool alone = next.task.limits && next.task.limits->options.time_limit.is_limited();
    Place* const place = bound != nullptr  ? (may_take(*bound, alone) ? bound : nullptr)
                         : next.task.asked ? place_for_asked(next.task, alone)
                                           : place_for_task(alone);
    if (place == nullptr) return false;
    fill(*place, std::move(next.task), next.bytes.data(), next.size);
    waiting.pop_front();
  }
  return true;
}

// A task begins only when all deeper ones have begun, so that no more tasks wait at one depth than there are
// workers.
void PoolCore::hand_out_asked() {
  for (auto at = asked_.begin(); at != asked_.end() && hand_out(at->second);) at = asked_.erase(at);
}

// Hands out tasks of the priorities above 0, or below; a lower priority only when no task of a higher one is
// left.
bool PoolCore::hand_out_ranked(bool above) {
  for (auto at = above ? ranked_.begin() : ranked_.lower_bound(0);
       at != ranked_.end() && (at->first > 0) == above;) {
    if (!hand_out(at->second)) return false;
    at = ranked_.erase(at);
  }
  return true;
}

void PoolCore::hand_out() {
  look_again_ = Clock::time_point::max();
  hand_out_asked();
  for (auto& [place, line] : bound_) hand_out(line, &places_[place]);
  if (hand_out_ranked(true) && hand_out(waiting_) && hand_out_ranked(false)) rebalance();
  if (setup_.max_tasks_per_child == 0) return;
  for (std::size_t i = 0; i < used_places_; ++i) {
    auto& place = places_[i];
    if (place.lane != nullptr && !place.quitting &&
        place.given >= static_cast<std::uint32_t>(setup_.max_tasks_per_child)) {
      quit(place);
    }
  }
}

// True when some task in a lane waits behind the one its worker is running.
bool PoolCore::waits_behind_another() const {
  bool any = false;
  busy_.each([&](std::size_t i) { any = any || places_[i].in_lane() > 1; });
  return any;
}

// Gives an idle worker the tasks that wait behind another worker's task. If every processor already has a
// worker, short tasks that are progressing stay where they are, and a stalled lane gets one helper at a time.
void PoolCore::rebalance() {
  if (!waits_behind_another()) return;
  std::size_t busy = 0, idle_ones = 0;
  busy_.each([&](std::size_t i) { busy += places_[i].in_lane() != 0; });
  for (std::size_t i = 0; i < used_places_; ++i) {
    idle_ones += places_[i].in_lane() == 0 && may_take(places_[i]);
  }
  if (idle_ones == 0) return;
  const bool all_busy = busy >= processors_;
  const auto now = all_busy ? Clock::now() : Clock::time_point::max();
  auto to_wake = all_busy ? idle_ones : processors_ - busy;
  for (std::size_t i = 0; i < used_places_ && to_wake > 0; ++i) {
    auto& idle = places_[i];
    if (idle.in_lane() != 0 || !may_take(idle)) continue;
    Place* const from = busiest(now);
    if (from == nullptr) return;
    if (all_busy) from->helped_at = now;
    Waiting moved;
    for (auto n = from->tasks_in_lane() / 2; n > 0 && may_take(idle) && take_back_last(*from, moved, false);
         --n) {
      fill(idle, std::move(moved.task), moved.bytes.data(), moved.size);
    }
    --to_wake;
  }
}

// The place with the most tasks that another worker should take over.
Place* PoolCore::busiest(Clock::time_point now) {
  Place* found = nullptr;
  std::uint32_t most = 1;
  busy_.each([&](std::size_t i) {
    auto& place = places_[i];
    if (place.lane == nullptr || place.in_lane() <= most) return;
    if (is_underway(place, now)) return look_again_after(place);
    if (is_bound(place.task_at(place.head - 1))) return;
    // Without revoked tasks, which stay in the lane behind a task that does not end.
    const auto tasks = place.tasks_in_lane();
    if (tasks <= most) return;
    most = tasks;
    found = &place;
  });
  return found;
}

// Revokes the last task of a lane that has not begun and, unless `also_bound`, is not bound to that worker.
bool PoolCore::take_back_last(Place& from, Waiting& taken, bool also_bound) {
  for (auto at = from.head; at-- != from.tail;) {
    Task& task = from.task_at(at);
    if (!task.exists()) continue;
    if (is_bound(task) && !also_bound) return false;
    Slot& slot = from.slot_at(at);
    taken.bytes = {};
    // Allocate before revoking: without memory the task must stay.
    std::byte* const to = task.arguments ? nullptr : taken.bytes.make(task.size);
    auto ready = raw(SlotState::ready);
    if (!slot.state.compare_exchange_strong(ready, raw(SlotState::revoked))) return false;
    taken.size = task.size;
    if (to != nullptr) std::memcpy(to, from.call_at(at), task.size);
    taken.task = std::exchange(task, {});
    if (taken.task.limits) taken.task.limits->over_at = Clock::time_point::max();
    --from.given;
    return true;
  }
  return false;
}

// Revokes all tasks that have not begun, and returns them to the heads of their lines.
void PoolCore::take_back_all(Place& from) {
  Waiting back;
  while (take_back_last(from, back, true)) {
    if (back.task.record != nullptr) {
      line_up(std::move(back), true);
    } else {
      drop_call(back.task);  // the end of the pool resolved it
    }
    back = {};
  }
}

}  // namespace brood::pool
