// Starts and deaths of a pool's workers and their stderr: one thread, which sleeps until one of these needs
// it.

#include <algorithm>
#include <brood/errors.hpp>
#include <brood/task_errors.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>

#include "arena/members.hpp"
#include "base/text.hpp"
#include "exec/failure.hpp"
#include "platform/modules.hpp"
#include "platform/surroundings.hpp"
#include "pool/claimed.hpp"
#include "pool/lanes.hpp"
#include "pool/pool_core.hpp"
#include "pool/worker.hpp"
#include "process/session.hpp"

namespace brood::pool {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kept_lines = 4096;
constexpr std::string_view cut_here = "...";  // precedes the part that is kept
constexpr auto first_pause = 20ms, longest_pause = 1000ms;

// The pause before the next attempt to start a worker, after this many failures in a row.
Clock::duration pause_after(int failed_births) {
  return failed_births == 0 ? 0ms : std::min(longest_pause, first_pause * (1 << std::min(failed_births, 10)));
}

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

// The last few lines.
std::string tail_of(const std::string& text) {
  std::size_t from = text.size();
  for (int lines = 0; from > 0 && lines < 8; --from) lines += text[from - 1] == '\n' && from != text.size();
  while (from < text.size() && text[from] == '\n') ++from;
  const auto end = text.find_last_not_of('\n');
  return end == std::string::npos || end < from ? std::string() : text.substr(from, end + 1 - from);
}

}  // namespace

void PoolCore::start_worker(Place& place) {
  const auto index = static_cast<std::uint32_t>(&place - places_.data());
  // Of many workers only a few run at a time, and each costs memory.
  place.slots =
      static_cast<std::size_t>(setup_.workers) > 4 * processors_ ? Lane::few_slots : Lane::most_slots;
  const std::uint32_t lane_index = take_lane(place.slots);
  try {
    Lane& lane = lane_at(lane_index);
    lane.version = Lane::current_version;
    lane.index = index;
    lane.incarnation = ++place.incarnation;
    lane.workers = static_cast<std::uint32_t>(setup_.workers);
    std::random_device random;
    lane.seed = std::uint64_t{random()} << 32 | random();
    lane.secret = place.secret = std::uint64_t{random()} << 32 | random();
    lane.results = results_run_.offset;
    lane.asks = Codec<Queue<Ask>>::object_of(*asks_);
    lane.memory_limit = setup_.memory_limit;
    lane.program = platform::self_pid();
    lane.most_memory = setup_.max_worker_memory;

    place.errors = platform::make_pipe_reader();
    const auto thunk = setup_.initializer ? detail::code_ref_of(setup_.initializer.thunk()).word : 0;
    auto call = detail::pack(&worker_main, std::uint64_t{thunk}, setup_.initializer.bytes());
    call.add_names(setup_.initializer.names());
    auto child = std::make_shared<process::Child>(
        ProcessOptions{.name = setup_.name + "-" + std::to_string(index + 1), .daemon = true});
    child->set_call(std::move(call));
    child->set_worker(static_cast<std::int32_t>(lane_index), place.errors.get(), folder_);
    place.tasks = std::make_unique<Task[]>(place.slots);
    place.calls = std::make_unique_for_overwrite<Place::Call[]>(place.slots);
    child->start([] {});  // from here on nothing may fail
    place.born_at = Clock::now();
    place.child = std::move(child);
    place.lane = &lane;
    place.lane_index = lane_index;
    place.head = place.tail = place.given = 0;
    place.quitting = place.watched = place.waits = place.parked = place.was_up = place.condemned =
        place.ran_out = false;
    place.member = place.worker_nanoseconds = 0;
    place.last_lines.clear();
    // The helper checks the workers' ages, but knows only of those that existed when it fell asleep.
    if (setup_.max_worker_age != 0ns) hurry_helper(later(place.born_at, setup_.max_worker_age));
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
    if (place.last_lines.size() > kept_lines) {
      place.last_lines =
          std::string(last_characters(place.last_lines, kept_lines - cut_here.size())).insert(0, cut_here);
    }
  }
}

std::string PoolCore::task_name(const Task& task) { return told_of(task).name(); }

// Describes a task without its arguments. Cheap: a function's name is looked up only on request.
detail::TaskTold PoolCore::told_of(const Task& task) {
  if (task.limits && !task.limits->options.name.empty()) return {task.limits->options.name, 0, {}, {}};
  const bool by_pointer = task.asked ? task.asked->by_pointer : task.type->by_pointer;
  const auto given = task.asked ? std::string_view(task.asked->function) : task.type->function;
  return {std::string(given), by_pointer ? task.function : 0, {}, {}};
}

// Describes a task in a lane, with its arguments.
detail::TaskTold PoolCore::told_of(const Place& place, std::uint32_t at) {
  auto told = told_of(place.task_at(at));
  told.arguments = arguments_text(place, at);
  int pid = place.child->raw_pid();
  try {
    // Its result may arrive before the server's answer about its start.
    pid = place.child->pid().value_or(pid);
  } catch (const Error&) {  // never started
  }
  told.worker = place.child->name() + " (pid " + std::to_string(pid) + ")";
  return told;
}

std::string PoolCore::arguments_text(const Place& place, std::uint32_t at) {
  const Task& task = place.task_at(at);
  if (task.asked) return {};
  const auto size = static_cast<std::size_t>(task.size);
  try {
    Reader call(task.arguments ? arena::at(task.arguments.offset, size) : place.call_at(at), size);
    return task.type->tell(call);
  } catch (const DecodeError&) {  // it was overwritten
    return {};
  }
}

// Settles the lane of a worker that has ended: finished tasks have been taken in; one was running and fails;
// the rest were never begun and go to other workers.
void PoolCore::settle_running(Place& place, const platform::Ended& how) {
  take_back_all(place);
  for (auto at = place.tail; at != place.head; ++at) {
    Task& task = place.task_at(at);
    if (!task.exists()) continue;
    if (task.record != nullptr && run_again(task)) continue;
    if (task.record != nullptr) resolve(task, died(place, at, how));
    drop_call(task);
  }
}

// The dead worker's stack, as it recorded it when it crashed. It is untrusted, so it is used only for text.
detail::Stack PoolCore::stack_of_dead(const Place& place) {
  const auto& note = place.lane->crash;
  std::array<void*, platform::CrashNote::most_frames> frames{};
  const auto n = std::min<std::size_t>(note.count.load(), frames.size());
  for (std::size_t i = 0; i < n; ++i) frames.at(i) = reinterpret_cast<void*>(note.frames.at(i));
  return detail::Stack::of(std::span(frames).first(n));
}

std::exception_ptr PoolCore::died(const Place& place, std::uint32_t at, const platform::Ended& how) {
  const Task& task = place.task_at(at);
  if (task.limits && task.limits->doom) return task.limits->doom;
  const auto told = told_of(place, at);
  const auto lines = tail_of(place.last_lines);
  const auto most = task.limits && task.limits->options.memory_limit ? *task.limits->options.memory_limit
                                                                     : setup_.memory_limit;
  const bool starved = most != 0 && (place.ran_out || place.lane->starved.load() == at + 1 ||
                                     place.lane->crash.no_memory.load() != 0);
  std::string what = told.call() + " in " + told.worker +
                     (starved ? " asked for more memory than its limit of " + std::to_string(most) +
                                    " bytes allows, and the process "
                              : std::string(" did not return: the process ")) +
                     how_it_ended(how);
  if (place.condemned) what += ", for it had written over the memory that it got its tasks through";
  if (place.lane->crash.overflown.load() != 0) what += " (stack overflow)";
  if (task.limits && task.limits->runs > 1) what += " (run " + std::to_string(task.limits->runs) + ")";
  if (!lines.empty()) what += "; the end of its stderr:\n" + lines;
  if (starved) return std::make_exception_ptr(MemoryLimitExceeded(what));
  const bool signalled = how.how == platform::Ended::How::signalled;
  const bool exited = how.how == platform::Ended::How::exited;
  auto origin = std::make_shared<const detail::Origin>(detail::OriginParts{stack_of_dead(place), {}});
  return std::make_exception_ptr(WorkerDied(what, signalled ? how.value : 0, exited ? how.value : -1,
                                            place.child->raw_pid(), told.name(), told.arguments, lines,
                                            std::move(origin)));
}

std::exception_ptr PoolCore::what_the_initializer_threw(Place& place) {
  if (place.was_up || !setup_.initializer || place.lane->up.load() != 2) return nullptr;
  Claimed error(place.lane->birth);
  if (error.check(error.has_run() ? member_of(place) : 0)) return nullptr;
  const auto copy = error.take_bytes();
  Reader from(copy.data(), copy.size());
  return exec::decode_exception(from);
}

// Takes over the worker's cgroup for removal, and determines whether the worker died of its memory limit.
void PoolCore::settle_group(Place& place, const platform::Ended& how) {
  std::array<char, sizeof place.lane->group> folder{};  // a copy: another process may still write there
  std::memcpy(folder.data(), place.lane->group, folder.size() - 1);
  if (folder.front() == 0) return;
  auto group = platform::MemoryGroup::announced(folder.data(), platform::self_pid(), place.child->raw_pid());
  if (!group) return;
  const bool killed = how.how == platform::Ended::How::signalled && how.value == SIGKILL;
  place.ran_out = place.ran_out || (killed && group.kills() != 0);
  groups_.push_back(std::move(group));
  remove_groups();
}

// Removes cgroups of dead workers; programs that a worker started may take a moment longer to end than the
// worker.
void PoolCore::remove_groups() {
  std::erase_if(groups_, [](const auto& group) { return group.remove(); });
}

bool PoolCore::wants_workers() const {
  return state_ == State::open || (state_ == State::closed && !all_done());
}

// Withdraws the tasks that a dead worker's task submitted: nobody waits for them any more.
void PoolCore::withdraw_asked_by(const Place& place) {
  const exec::EachItsOwn own(
      std::make_exception_ptr(PoolTerminated("the task that submitted this one has died")));
  for (auto& [depth, line] : asked_) {
    for (auto& waiting : line) {
      if (!waiting.task.exists()) continue;
      const auto& asked = *waiting.task.asked;
      if (&places_[asked.place] == &place && asked.incarnation == place.incarnation) {
        withdraw(waiting.task, own());
      }
    }
  }
}

// Called when a worker has ended: checks its lane a last time, then settles its tasks, its process and its
// memory, in this order. If memory runs out, this is repeated from the beginning: the place is no longer
// watched, and is found by that.
void PoolCore::bury(Place& place) {
  read_errors(place);
  take_results(place);
  const bool begun =
      place.tail != place.head && place.slot_at(place.tail).state.load() != raw(SlotState::ready);
  const auto cause = what_the_initializer_threw(place);
  std::string failure;
  platform::Ended how;
  try {
    if (std::exchange(place.watched, false)) poller_.remove(place.child->sentinel());
    how = place.child->status().value_or(how);
    place.child->await_birth();
  } catch (const Error& e) {
    failure = e.what();
  }
  settle_group(place, how);
  settle_running(place, how);
  withdraw_asked_by(place);
  if (state_ == State::broken) fail_lines(broken_);
  settle_birth(place, how, std::move(failure), cause, begun);
  start_substitutes();  // the dead worker may have been a substitute, and a task still waits for those it was
                        // to run
  retire_substitutes();
  hand_out();
  wake_waiters();
}

std::exception_ptr broken_by_initializer(const std::exception_ptr& cause) {
  const auto [type, text] = exec::describe(cause);
  return std::make_exception_ptr(
      PoolBroken("the pool cannot run: its initializer threw " + type + ": " + text));
}

// Decides whether this was the end of a worker or a failed start. Frees the place, to be filled again if
// needed. `begun`: the worker had begun a task.
void PoolCore::settle_birth(Place& place, const platform::Ended& how, std::string failure,
                            const std::exception_ptr& cause, bool begun) {
  const bool was_up = place.was_up || begun;
  const bool expected = place.quitting && how.how == platform::Ended::How::exited && how.value == 0;
  place.lane = nullptr;
  place.tasks.reset();
  place.calls.reset();
  place.answers.reset();
  place.waits = false;
  place.errors.reset();
  give_lane_back(place.lane_index);
  place.failed_births = was_up ? 0 : place.failed_births + 1;
  const bool regular = &place - places_.data() < setup_.workers;
  place.restart_at = regular ? Clock::now() + pause_after(place.failed_births) : Clock::time_point::max();

  if (!expected && !was_up && wants_workers()) {
    if (failure.empty()) {
      const auto lines = tail_of(place.last_lines);
      failure = place.child->name() + " " + how_it_ended(how) + " before it was ready" +
                (place.ran_out ? ", for it needed more memory than memory_limit allows" : "") +
                (lines.empty() ? "" : ":\n" + lines);
    }
    if (cause) {
      give_up(broken_by_initializer(cause));
    } else {
      note_failed_birth(failure);
    }
  }
  const bool again = wants_workers() && (regular || !expected);
  if (again) restarts_ += !expected;
  if (!again) place.restart_at = Clock::time_point::max();  // if memory ran out above, this is tried again
}

// While a worker is alive, failed starts of others are merely retried after growing pauses. When none is
// alive, more than restart_intensity failed starts within the period break the pool, and the first failure is
// the cause.
void PoolCore::note_failed_birth(const std::string& why) {
  const auto now = Clock::now();
  if (failed_births_.empty()) first_failure_ = why;
  failed_births_.push_back(now);
  std::erase_if(failed_births_, [&](auto when) { return later(when, setup_.restart_period) < now; });
  const bool any_up = std::any_of(places_.begin(), places_.end(), [](const Place& p) {
    return p.lane != nullptr && (p.was_up || p.lane->up.load() == 1);
  });
  if (any_up) {
    failed_births_.clear();
  } else if (failed_births_.size() > static_cast<std::size_t>(setup_.restart_intensity)) {
    give_up(std::make_exception_ptr(PoolBroken("the pool cannot run: " + first_failure_)));
  }
}

// Breaks the pool: every task that nobody will run any more fails with the cause.
void PoolCore::give_up(const std::exception_ptr& cause) {
  broken_ = cause;
  state_ = State::broken;  // stored after broken_: submitting threads read both without the books
  fail_lines(cause);
  const exec::EachItsOwn own(cause);
  for (auto& place : places_) {
    if (place.lane == nullptr || place.was_up || place.lane->up.load() == 1) continue;
    for (auto at = place.tail; at != place.head; ++at) resolve(place.task_at(at), own());
  }
}

// Starts a worker. False when it could not be started now; that is tried again later.
bool PoolCore::start_or_note(Place& place) {
  try {
    start_worker(place);
    return true;
  } catch (const Error& e) {
    if (&place - places_.data() >= setup_.workers) return false;  // a substitute: another one may do
    place.restart_at = Clock::now() + pause_after(++place.failed_births);
    note_failed_birth(e.what());
    if (state_ == State::broken) wake_waiters();
    return false;
  }
}

void PoolCore::restart_due() {
  const auto now = Clock::now();
  for (int i = 0; i < setup_.workers; ++i) {
    auto& place = places_[static_cast<std::size_t>(i)];
    if (place.lane == nullptr && place.restart_at <= now && wants_workers()) start_or_note(place);
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
  for (bool goes_on = true; goes_on;) {
    try {
      goes_on = supervise_once();
    } catch (const std::bad_alloc&) {
      wait_for_memory();
    }
  }
}

// After the pause the caller starts its interrupted operation again from the beginning.
void wait_for_memory() {
  platform::Word never{0};
  platform::park(never, 0, Deadline::in(1ms));
}

// One round of supervision. False when there is nothing left to supervise.
bool PoolCore::supervise_once() {
  // Waits for newly requested processes without holding the books, so that others can proceed.
  std::vector<std::pair<std::size_t, std::shared_ptr<process::Child>>> unborn;
  int patience = -1;
  {
    const Books books(*this);
    restart_due();
    bool any_left = false;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      auto& place = places_[i];
      any_left = any_left || place.lane != nullptr;
      if (place.lane != nullptr && !place.watched) unborn.emplace_back(i, place.child);
    }
    if (stop_ && !any_left) return false;
    patience = milliseconds_to_next_restart();
  }
  for (const auto& [i, child] : unborn) await_worker(places_[i], i, *child);
  if (!unborn.empty()) return true;
  for (const auto key : poller_.wait(patience)) {
    const Books books(*this);
    auto& place = places_[key / 2];
    if (place.lane == nullptr) continue;
    if (key % 2 == 1)
      read_errors(place);
    else if (place.watched && place.child->poll())
      bury(place);
  }
  return true;
}

void PoolCore::await_worker(Place& place, std::size_t index, process::Child& child) {
  bool born = true;
  try {
    child.await_birth();
  } catch (const Error&) {
    born = false;
  }
  const Books books(*this);
  try {
    if (born) {
      poller_.add(child.sentinel(), index * 2);
      poller_.add(place.errors.get(), index * 2 + 1, true);
      place.watched = true;
    }
  } catch (const Error&) {  // no descriptor for a pidfd: the worker cannot be supervised
    end_worker(place);
    child.join(Deadline::never());
    born = false;
  }
  if (!born) bury(place);
}

}  // namespace brood::pool
