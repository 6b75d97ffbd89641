// Births, deaths and stderr of a pool's workers: one thread, asleep unless one of them happens.

#include <algorithm>
#include <brood/errors.hpp>
#include <brood/task_errors.hpp>
#include <cstdlib>
#include <random>

#include "exec/failure.hpp"
#include "platform/modules.hpp"
#include "platform/surroundings.hpp"
#include "pool/lanes.hpp"
#include "pool/pool_core.hpp"
#include "pool/worker.hpp"
#include "process/session.hpp"

namespace brood::pool {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int most_failed_births = 3;
constexpr std::size_t kept_lines = 4096;
constexpr std::uint32_t raw(SlotState state) { return static_cast<std::uint32_t>(state); }

std::string how_it_ended(const platform::Ended& how) {
  switch (how.how) {
    case platform::Ended::How::signalled:
      return "was killed by " + platform::signal_name(how.value);
    case platform::Ended::How::exited:
      return "exited with code " + std::to_string(how.value);
    default:
      return "ended, nobody knows how";
  }
}

// The last few lines, without the half one that the limit has cut.
std::string tail_of(const std::string& text) {
  std::size_t from = text.size();
  for (int lines = 0; from > 0 && lines < 8; --from) lines += text[from - 1] == '\n' && from != text.size();
  while (from < text.size() && text[from] == '\n') ++from;
  return text.substr(from);
}

}  // namespace

void PoolCore::start_worker(Place& place) {
  const auto index = static_cast<std::uint32_t>(&place - places_.data());
  const std::uint32_t lane_index = take_lane();
  try {
    Lane& lane = lane_at(lane_index);
    lane.version = Lane::current_version;
    lane.index = index;
    lane.incarnation = ++place.incarnation;
    lane.workers = static_cast<std::uint32_t>(places_.size());
    std::random_device random;
    lane.seed = std::uint64_t{random()} << 32 | random();
    lane.results = results_run_.offset;

    place.errors = platform::make_pipe_reader();
    const auto thunk = setup_.initializer ? detail::code_ref_of(setup_.initializer.thunk()).word : 0;
    auto call = detail::pack(&worker_main, std::uint64_t{thunk}, setup_.initializer.bytes());
    detail::count_handles(setup_.initializer.objects());
    auto child = std::make_shared<process::Child>(
        ProcessOptions{.name = setup_.name + "-" + std::to_string(index + 1), .daemon = true});
    child->set_call(std::move(call));
    child->set_worker(static_cast<std::int32_t>(lane_index), place.errors.get());
    child->start([] {});
    place.child = std::move(child);
    place.lane = &lane;
    place.lane_index = lane_index;
    place.head = place.tail = place.given = 0;
    place.quitting = false;
    place.watched = false;
    place.last_lines.clear();
  } catch (...) {
    place.errors.reset();
    give_lane_back(lane_index);
    throw;
  }
}

void PoolCore::read_errors(Place& place) {
  char text[4096];
  for (long n = 0; place.errors && (n = platform::read_some(place.errors, text, sizeof text)) > 0;) {
    const std::string part(text, static_cast<std::size_t>(n));
    platform::say(part);
    place.last_lines += part;
    if (place.last_lines.size() > kept_lines) place.last_lines.erase(0, place.last_lines.size() - kept_lines);
  }
}

std::string PoolCore::task_name(const Task& task) const {
  if (!task.type->by_pointer) return std::string(task.type->function);
  try {
    auto name = platform::function_name_at(detail::code_at(detail::CodeRef{task.function}));
    if (!name.empty()) return name;
  } catch (const DecodeError&) {
  }
  return std::string(task.type->function);
}

// What was in the lane of a worker that has ended: finished tasks have been taken in; one was running; the
// rest was never begun and goes to others.
void PoolCore::settle_running(Place& place, const platform::Ended& how) {
  std::deque<Waiting> unbegun;
  for (auto at = place.tail; at != place.head; ++at) {
    Task& task = place.tasks[at % Lane::slots_in_all];
    if (task.record == nullptr) continue;
    const Slot& slot = place.lane->slots[at % Lane::slots_in_all];
    if (slot.state.load() == raw(SlotState::ready)) {
      Waiting waiting{task, {}, slot.size};
      if (!task.arguments) {
        waiting.size = std::min<std::uint64_t>(slot.size, sizeof slot.data);
        waiting.bytes.assign(slot.data, slot.data + waiting.size);
      }
      task = {};
      unbegun.push_back(std::move(waiting));
      continue;
    }
    const auto name = task_name(task);
    const auto lines = tail_of(place.last_lines);
    const int pid = place.child->raw_pid();
    std::string what = name + " in " + place.child->name() + " (pid " + std::to_string(pid) +
                       ") did not return: the process " + how_it_ended(how);
    if (!lines.empty()) what += "; the end of its stderr:\n" + lines;
    const bool signalled = how.how == platform::Ended::How::signalled;
    const bool exited = how.how == platform::Ended::How::exited;
    fail(task, std::make_exception_ptr(
                   WorkerDied(what, signalled ? how.value : 0, exited ? how.value : -1, pid, name, lines)));
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(unbegun.begin()),
                  std::make_move_iterator(unbegun.end()));
}

// The worker has ended: one last look at its lane, then its tasks, its process, its memory, in this order.
void PoolCore::bury(Place& place) {
  read_errors(place);
  take_results(place);
  const bool was_up = place.lane->up.load() == 1;
  std::exception_ptr cause;
  if (place.lane->up.load() == 2) {
    const Slot& birth = place.lane->birth;
    const arena::Run run{birth.run_offset, birth.run_generation};
    const std::uint64_t size = birth.size;
    const bool far = static_cast<bool>(run) && arena::size_of(run) >= size;
    if (far || size <= sizeof birth.data) {
      const std::byte* bytes = far ? arena::at(run.offset, size) : birth.data;
      const std::vector<std::byte> copy(bytes, bytes + size);
      Reader from(copy.data(), copy.size());
      cause = exec::decode_exception(from);
    }
  }
  std::string failure;
  platform::Ended how;
  try {
    if (place.watched) poller_.remove(place.child->sentinel());
    how = place.child->status().value_or(how);
    place.child->await_birth();
  } catch (const Error& e) {
    failure = e.what();
  }
  settle_running(place, how);
  const bool expected = place.quitting && how.how == platform::Ended::How::exited && how.value == 0;
  if (state_ == State::broken) fail_waiting(broken_);
  place.lane = nullptr;
  place.errors.reset();
  give_lane_back(place.lane_index);
  place.failed_births = was_up ? 0 : place.failed_births + 1;

  const bool wanted = state_ == State::open || (state_ == State::closed && !all_done());
  if (!expected && !was_up && wanted) {
    if (failure.empty()) {
      const auto lines = tail_of(place.last_lines);
      failure = place.child->name() + " " + how_it_ended(how) + " before it was ready" +
                (lines.empty() ? "" : ":\n" + lines);
    }
    if (cause) {
      give_up(std::make_exception_ptr(PoolBroken("the pool cannot run: its initializer threw " +
                                                 exec::describe(cause).first + ": " +
                                                 exec::describe(cause).second)));
    } else if (place.failed_births >= most_failed_births) {
      give_up(std::make_exception_ptr(PoolBroken("the pool cannot run: " + failure)));
    }
  }
  if (state_ == State::open || (state_ == State::closed && !all_done())) {
    restarts_ += !expected;
    place.restart_at = Clock::now() + (place.failed_births > 0 ? 20ms * (1 << place.failed_births) : 0ms);
  } else {
    place.restart_at = Clock::time_point::max();
  }
  hand_out();
  wake_waiters();
}

// Every task that nobody will run any more fails with the cause.
void PoolCore::give_up(const std::exception_ptr& cause) {
  state_ = State::broken;
  broken_ = cause;
  fail_waiting(cause);
  for (auto& place : places_) {
    if (place.lane == nullptr || place.lane->up.load() == 1) continue;
    for (auto at = place.tail; at != place.head; ++at) {
      Task& task = place.tasks[at % Lane::slots_in_all];
      if (task.record != nullptr) fail(task, cause);
    }
  }
}

void PoolCore::restart_due() {
  const auto now = Clock::now();
  for (auto& place : places_) {
    if (place.lane != nullptr || place.restart_at > now) continue;
    if (state_ != State::open && (state_ != State::closed || all_done())) continue;
    try {
      start_worker(place);
    } catch (const Error& e) {
      place.restart_at = now + 100ms;
      if (++place.failed_births >= most_failed_births &&
          std::none_of(places_.begin(), places_.end(), [](const Place& p) { return p.lane != nullptr; })) {
        give_up(std::make_exception_ptr(
            PoolBroken(std::string("the pool has no worker left and cannot start one: ") + e.what())));
        wake_waiters();
      }
    }
  }
  hand_out();
}

int PoolCore::milliseconds_to_next_restart() const {
  auto next = Clock::time_point::max();
  for (const auto& place : places_) {
    if (place.lane == nullptr) next = std::min(next, place.restart_at);
  }
  if (next == Clock::time_point::max() || (state_ != State::open && state_ != State::closed)) return -1;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left + 1, 0, 1000));
}

void PoolCore::supervise() {
  for (;;) {
    // Newly posted births are waited for without the lock: others go on.
    std::vector<std::pair<std::size_t, std::shared_ptr<process::Child>>> unborn;
    int patience = -1;
    {
      const std::lock_guard lock(mutex_);
      restart_due();
      bool any_left = false;
      for (std::size_t i = 0; i < places_.size(); ++i) {
        auto& place = places_[i];
        any_left = any_left || place.lane != nullptr;
        if (place.lane != nullptr && !place.watched) unborn.emplace_back(i, place.child);
      }
      if (stop_ && !any_left) return;
      patience = milliseconds_to_next_restart();
    }
    for (const auto& [i, child] : unborn) {
      bool born = true;
      try {
        child->await_birth();
      } catch (const Error&) {
        born = false;
      }
      const std::lock_guard lock(mutex_);
      auto& place = places_[i];
      try {
        if (born) {
          poller_.add(child->sentinel(), i * 2);
          poller_.add(place.errors.get(), i * 2 + 1, true);
          place.watched = true;
        }
      } catch (const Error&) {  // no descriptor for a pidfd: the worker cannot be supervised
        child->signal(9);
        child->join(Deadline::never());
        born = false;
      }
      if (!born) bury(place);
    }
    if (!unborn.empty()) continue;
    for (const auto key : poller_.wait(patience)) {
      const std::lock_guard lock(mutex_);
      auto& place = places_[key / 2];
      if (place.lane == nullptr) continue;
      if (key % 2 == 1)
        read_errors(place);
      else if (place.watched && place.child->poll())
        bury(place);
    }
  }
}

void PoolCore::stop_threads() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    results_->low.wake_all();
    results_->ready.wake_all();
  }
  poller_.wake();
  const auto me = std::this_thread::get_id();
  if (me == helper_.get_id() || me == supervisor_.get_id())
    return;  // from a callback: the next to join does it
  const std::lock_guard one_at_a_time(ending_);
  for (auto* thread : {&supervisor_, &helper_}) {
    if (!thread->joinable()) continue;
    thread->join();
    --process::session().own_threads;
  }
  detail::run_callbacks(&platform::say);
}

}  // namespace brood::pool
