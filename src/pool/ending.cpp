// The end of a pool, and its counts.

#include <brood/errors.hpp>
#include <brood/task_errors.hpp>

#include "base/text.hpp"
#include "exec/failure.hpp"
#include "platform/surroundings.hpp"
#include "pool/pool_core.hpp"
#include "process/session.hpp"

namespace brood::pool {

void PoolCore::close() {
  const Books books(*this);
  if (state_ == State::open) state_ = State::closed;
}

bool PoolCore::join(Deadline until) {
  {
    const Books books(*this);
    if (state_ == State::open)
      throw UsageError("join() of a pool that is open; call close() or terminate() first");
    if (here_) state_ = State::joined;
  }
  if (here_) return true;
  if (is_carrier())
    throw UsageError("join() in code that encodes or decodes for map_async would wait for itself");
  // If the time is up and the books are not held, nothing can be said about the tasks.
  if (!wait_until([&] { return books_.is_mine() && all_done(); }, until,
                  [&](platform::WaitText& text) { text << "Pool::join of " << what_still_runs(); }))
    return false;
  std::vector<std::shared_ptr<process::Child>> children;
  children.reserve(places_.size());
  {
    const Books books(*this);
    for (auto& place : places_) {
      if (place.lane == nullptr) continue;
      if (!place.quitting) quit(place);
      children.push_back(place.child);
    }
    if (state_ == State::closed) state_ = State::terminated;  // from here on no worker is restarted
  }
  for (const auto& child : children) {
    try {
      if (!child->join(until)) return false;
    } catch (const StartFailed&) {  // never born; its tasks have been failed
    }
  }
  stop_threads();
  const Books books(*this);
  state_ = State::joined;
  return true;
}

bool PoolCore::wait_for_tasks(Deadline until) {
  if (here_ || is_carrier()) return true;
  return wait_until([&] { return books_.is_mine() && all_done(); }, until,
                    [&](platform::WaitText& text) { text << "the end of " << what_still_runs(); });
}

// Lists only as many tasks as fit into a message.
std::string PoolCore::what_still_runs() {
  constexpr std::size_t most = 4;
  const Books books(*this);
  std::size_t tasks = in_line() - withdrawn_, running = 0;
  std::string text;
  for (auto& place : places_) {
    if (place.lane == nullptr) continue;
    tasks += place.tasks_in_lane();
    if (place.in_lane() == 0 || !place.task_at(place.tail).exists() || ++running > most) continue;
    text += (text.empty() ? "" : ", ") + shortened(task_name(place.task_at(place.tail)), 200) + " in " +
            place.child->name() + " (pid " + std::to_string(place.child->raw_pid()) + ")";
  }
  if (running > most) text += " and " + std::to_string(running - most) + " more";
  return "the pool " + setup_.name + ", which has " + std::to_string(tasks) +
         (tasks == 1 ? " task left" : " tasks left") + (text.empty() ? "" : ": " + text);
}

void PoolCore::terminate() {
  std::vector<std::shared_ptr<process::Child>> children;
  children.reserve(places_.size());
  {
    const Books books(*this);
    if (state_ == State::joined) return;
    state_ = State::terminated;
    take_results();
    const auto error =
        std::make_exception_ptr(PoolTerminated("the pool was terminated before this task had ended"));
    const exec::EachItsOwn own(error);
    fail_lines(error);
    for (auto& place : places_) {
      if (place.lane == nullptr) continue;
      // Objects that the calls name are released only once the worker is certainly dead.
      for (auto at = place.tail; at != place.head; ++at) resolve(place.task_at(at), own());
      place.quitting = true;
      children.push_back(place.child);
    }
  }
  wake_waiters();
  for (const auto& child : children) {
    try {
      child->signal(9);
    } catch (const Error&) {  // not born, or already ended
    }
  }
}

detail::PoolHandle::Counts PoolCore::counts() {
  const Books books(*this);
  detail::PoolHandle::Counts n{in_line() - withdrawn_, 0, done_, failed_, restarts_, reruns_, 0};
  for (const auto& place : places_) {
    if (place.lane == nullptr) continue;
    ++n.workers;
    std::uint64_t here = 0;
    for (auto at = place.tail; at != place.head; ++at) here += place.task_at(at).record != nullptr;
    n.running += here > 0;
    n.queued += here > 0 ? here - 1 : 0;
  }
  return n;
}

void PoolCore::stop_threads() {
  {
    const Books books(*this);
    stop_ = true;
  }
  wake_waiters();
  poller_.wake();
  const auto me = std::this_thread::get_id();
  // A callback must not wait for a thread that waits for this callback.
  std::unique_lock one_at_a_time(ending_, std::defer_lock);
  if (me != caller_.get_id())
    one_at_a_time.lock();
  else if (!one_at_a_time.try_lock())
    return;
  for (auto* thread : {&supervisor_, &helper_, &caller_, &carrier_}) {
    if (!thread->joinable() || thread->get_id() == me)
      continue;  // in a callback: the pool's destructor releases this thread
    thread->join();
    --process::session().own_threads;
  }
  for (int tries = 0; tries < 100; ++tries) {
    {
      const Books books(*this);
      remove_groups();
      if (groups_.empty()) break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (me != caller_.get_id()) detail::run_callbacks(&platform::say);
}

}  // namespace brood::pool
