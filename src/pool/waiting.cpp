// Waiting threads do the pool's work: a thread that waits for a result also collects results and hands out
// tasks. While no thread waits, a helper thread does what remains to be done, collects results for callbacks,
// and answers what workers ask. The helper also enforces deadlines, at all times.
//
// Results::wanted tells workers which results the helper must be woken for. A thread that raises it takes a
// turn afterwards: if a result came before its worker could see the new value, that turn finds it (all of
// this is sequentially consistent).

#include <algorithm>
#include <brood/detail/watch.hpp>
#include <brood/errors.hpp>
#include <system_error>

#include "exec/failure.hpp"
#include "platform/surroundings.hpp"
#include "pool/pool_core.hpp"
#include "process/session.hpp"

namespace brood::pool {

using namespace std::chrono_literals;

namespace {
constexpr auto shortest_nap = 50us, longest_nap = 250us;
// Number of pauses between two looks for a result; each look takes cache lines from the workers. A waiter
// with a single task looks soon at first, then less and less often.
constexpr int shortest_spin = 8, longest_spin = 100;
constexpr int naps_in_backlog = 4;
constexpr int most_naps = 4;  // of the helper, while other threads are active
}  // namespace

void PoolCore::turn() {
  const bool closer = look_closer_.load(std::memory_order_relaxed) && look_closer_.exchange(false);
  take_results();
  if (closer) look_closer();
  take_asks(closer);
  take_left();
  hand_out();
  note_calm();
  note_activity();
}

// True while there is something that an idle worker should get.
bool PoolCore::work_is_left() const { return works_ != 0 || in_line() != 0 || waits_behind_another(); }

// A map in flight must get new tasks before a lane runs low, so then the helper hears of every result.
void PoolCore::want(Wanted wanted) {
  const bool all = watched_ || (works_ != 0 && wanted == Wanted::low);
  results_->wanted.store(static_cast<std::uint32_t>(all ? Wanted::all : wanted));
}

// The last waiter leaves what remains to the helper.
void PoolCore::end_waiting() {
  if (--waiters_ != 0) return;
  const Books books(*this);
  if (waiters_.load() != 0 || !work_is_left()) return;
  want(Wanted::low);
  turn_if_possible();
  hurry_helper(look_again_);
}

// If this thread runs out of memory, the helper may succeed later.
void PoolCore::turn_if_possible() {
  try {
    turn();
  } catch (const std::bad_alloc&) {
    results_->helper.wake_all();
  }
}

// How to wait for the next result.
//
// Spin: if a processor is idle, or if the result will come sooner than a sleeper could be woken. Otherwise,
// or on the processor of a worker with tasks, spinning would take time from the workers.
//
// Nap: if all processors will certainly be busy for longer than the nap, with results coming so fast that a
// wake-up for each, or spinning, would take time from the workers.
PoolCore::Pause PoolCore::pause() const {
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  const auto here = platform::this_processor();
  std::size_t busy = 0;
  std::uint32_t tasks = 0;
  bool soon = false, beside = false, fast = true;
  double backlog = seconds(longest_nap) * naps_in_backlog;
  auto oldest = Clock::time_point::max();
  busy_.each([&](std::size_t i) {
    const auto& place = places_[i];
    if (place.lane == nullptr || place.in_lane() == 0) return;
    ++busy;
    tasks += place.in_lane();
    beside = beside || place.lane->worker_processor.load(std::memory_order_relaxed) == here;
    soon = soon || place.seconds_each < seconds(platform::spin_time);
    fast = fast && place.seconds_each <= seconds(longest_nap);
    backlog = std::min(backlog, (place.in_lane() - 1) * place.seconds_each);
    oldest = std::min(oldest, place.last_taken);
  });
  Pause pause;
  pause.look_again = look_again_;
  pause.relaxes = tasks == 1 ? shortest_spin : longest_spin;
  pause.spin = processors_ > 1 && !beside && (busy < processors_ || soon);
  // A lane that has made no progress for this long no longer runs tasks of the measured length.
  if (fast && busy >= processors_ && Clock::now() - oldest < longest_nap * naps_in_backlog) {
    pause.nap =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(backlog / naps_in_backlog));
  }
  return pause;
}

// `done` runs with the books held, except for the last call if the books were not acquired in time.
bool PoolCore::wait_until(FunctionRef<bool()> done, Deadline until, platform::WaitNote::Describe what) {
  if (here_) return done();
  require_not_in_codec();
  Pause next;
  const auto step = [&] {
    const Books books(*this, until);
    if (!books) return done();
    if (waiters_.load() != 0) want(Wanted::nothing);
    turn();
    next = pause();
    return done();
  };
  if (until.is_now()) return step();
  struct Waiter {
    PoolCore& pool;
    explicit Waiter(PoolCore& p) : pool(p) {
      ++pool.inside_;
      ++pool.waiters_;
    }
    ~Waiter() {
      pool.end_waiting();
      --pool.inside_;  // from here on the pool may be gone
    }
  } const waiter(*this);
  platform::WaitNote waiting(what);
  const auto spin_until = std::chrono::steady_clock::now() + platform::spin_time;
  int relaxes = 0;
  // Draw a ticket only to sleep: a ticket holder costs the workers one system call for each result.
  for (bool to_sleep = false;;) {
    const auto seen = to_sleep ? results_->ready.prepare() : 0;
    if (step()) return true;
    const bool naps = next.nap >= shortest_nap && !until.passed();
    const bool spins = !naps && next.spin && std::chrono::steady_clock::now() < spin_until;
    if (naps) {
      std::this_thread::sleep_for(until.is_never() ? next.nap
                                                   : std::min<Clock::duration>(next.nap, until.left()));
    } else if (spins) {
      relaxes = std::min(std::max(relaxes + relaxes / 2, next.relaxes), longest_spin);
      for (int i = 0; i < relaxes; ++i) platform::relax();
    } else if (to_sleep) {
      const auto since = Clock::now();
      const bool looks_again = next.look_again != Clock::time_point::max();
      const auto limit = looks_again ? until.at_most(next.look_again - since) : until;
      if (!results_->ready.doze(seen, limit, waiting.patience()) && until.passed()) {
        return step();
      }
      note_doze(since);
    }
    to_sleep = !naps && !spins;
  }
}

// Describes which worker has the task, as far as the books show.
void PoolCore::describe_wait_for(const Record& record, platform::WaitText& text) {
  text << "Future::get of ";
  const auto call = call_of(record);
  text << (call.empty() ? "a task" : call);
  const Books books(*this);
  if (record.task == nullptr || record.is_done()) return;
  const Seat seat = seat_of(*record.task);
  if (seat.place == nullptr) {
    text << ", which is queued for a worker";
    return;
  }
  const bool runs = seat.place->slot_at(seat.at).state.load() == raw(SlotState::running);
  text << (runs ? ", which runs in " : ", which has not begun, in ") << seat.place->child->name() << " (pid "
       << static_cast<std::uint64_t>(seat.place->child->raw_pid()) << ")";
}

bool PoolCore::wait(Record& record, Deadline until) {
  return wait_until([&] { return record.is_done(); }, until,
                    [&](platform::WaitText& text) { describe_wait_for(record, text); });
}

bool PoolCore::wait_any(const std::vector<const Record*>& records, Deadline until) {
  return wait_until([&] { return std::ranges::any_of(records, &Record::is_done); }, until,
                    [&](platform::WaitText& text) {
                      text << "map, imap or wait_any, for the next of " << records.size() << " tasks";
                    });
}
bool PoolCore::wait_any(const detail::Watch& watch, Deadline until) {
  return wait_until([&] { return watch.has_some(); }, until,
                    [](platform::WaitText& text) {
                      text << "wait, wait_any or as_completed, for the next of several futures";
                    });
}

void PoolCore::wake_waiters() {
  if (results_ == nullptr) return;
  results_->ready.wake_all();
  results_->helper.wake_all();
  callbacks_.wake_all();
  works_go_on_.wake_all();
}

void PoolCore::attend() {
  if (here_) return;
  {
    const Books books(*this);
    watched_ = true;
    want(Wanted::all);
    if (!caller_.joinable() && !stop_) {
      // The callback thread keeps the pool alive until the thread has ended: a callback may destroy the last
      // handle.
      caller_ = own_thread([pool = shared_from_this()] { pool->call_back(); });
    }
  }
  wake_waiters();
}

// After a long sleep, the next turn looks once whether workers have asked for something that they could not
// announce, and whether a task waits for a worker that has already passed it.
void PoolCore::note_doze(Clock::time_point since) {
  if (Clock::now() - since >= sync::EventCount::longest_doze.load()) look_closer_ = true;
}
void PoolCore::look_closer() {
  for (std::size_t i = 0; i < used_places_; ++i) {
    if (was_passed_by(places_[i])) condemn(places_[i]);
  }
}

void PoolCore::help() {
  for (bool goes_on = true; goes_on;) {
    try {
      goes_on = help_once();
    } catch (const std::bad_alloc&) {
      wait_for_memory();
    }
  }
}

// While other threads submit or wait, they hand out tasks too, and would have to leave their tasks while this
// thread has the books. So the helper naps, but not for long, because it alone enforces deadlines, and not
// when a worker asks for something.
void PoolCore::leave_alone_who_works() {
  if (!watched_ && works_ == 0 && Clock::now() - helped_at_ < longest_nap) {
    // Relaxed: only compared with a later value, as a hint.
    auto seen = activity_.load(std::memory_order_relaxed);
    const auto asked = asks_seen_.load();
    for (int naps = 0; naps < most_naps; ++naps) {
      if (platform::park(results_->asked, asked, Deadline::in(longest_nap))) break;
      if (std::exchange(seen, activity_.load(std::memory_order_relaxed)) == seen) break;
    }
  }
  helped_at_ = Clock::now();
}

bool PoolCore::help_once() {
  leave_alone_who_works();
  const auto seen = results_->helper.prepare();
  auto until = Deadline::never();
  bool busy = false;
  bool stop = false;
  {
    const Books books(*this);
    turn();
    expire_due();
    recycle_aged();
    end_parked();
    if (waiters_.load() == 0) want(work_is_left() ? Wanted::low : Wanted::nothing);
    turn();
    until = next_timer();
    busy = !all_done();
    stop = stop_;
  }
  callbacks_.wake_sleepers();
  if (stop) return false;
  const auto since = Clock::now();
  if (busy)
    results_->helper.doze(seen, until);
  else
    results_->helper.sleep(seen, until);
  note_doze(since);
  return true;
}

// Runs callbacks with the signal mask of the program's own threads, which programs started from a callback
// inherit: SIGTERM can end them. Between callbacks this thread receives no signals.
bool run_callbacks_as_if_in(const platform::SignalMask& mask) {
  if (!detail::callbacks_are_due()) return false;
  const platform::SignalMask::InForce as_theirs(mask);
  return detail::run_callbacks(&platform::say);
}

// Runs the user's code, which may take long; nothing else depends on this thread.
void PoolCore::call_back() {
  for (;;) {
    const auto seen = callbacks_.prepare();
    const bool called = run_callbacks_as_if_in(makers_mask_);
    {
      const Books books(*this);
      if (stop_ && !called) return;
    }
    if (!called) callbacks_.sleep(seen, Deadline::never());
  }
}

std::thread PoolCore::own_thread(std::function<void()> work) {
  const platform::SignalsBlocked quiet;  // signals are for the program's threads
  try {
    std::thread made(std::move(work));
    ++process::session().own_threads;
    return made;
  } catch (const std::system_error& e) {
    throw OsError("pthread_create a thread for a pool", e.code().value());
  }
}

}  // namespace brood::pool
