#pragma once
// Waiting for a condition that is not a word of its own, such as room in a queue or a value in it. If nobody
// waits, the thread that changes the condition pays two loads. A waiter may be killed at any point and leaves
// nothing to clean up.

#include <algorithm>
#include <atomic>
#include <chrono>

#include "platform/park.hpp"

namespace brood::sync {

/// In shared memory; all zeros at first.
///
/// Waiters draw tickets. A waker that found nobody asleep stores in settled_ how many tickets had been drawn
/// before it looked. The holder of such a ticket read sequence_ before the waker changed it, so it cannot
/// fall asleep on it any more. While tickets_ and settled_ are equal, nobody is asleep. No waker makes them
/// equal before that is true: a mark that wakers clear and set again would hide sleepers from other wakers in
/// between.
///
/// Default (sequentially consistent) order throughout: a waiter draws a ticket, then looks at the condition;
/// a waker changes the condition, then reads the tickets. One of the two sees the other.
class EventCount {
 public:
  /// A waiter 1. calls prepare, 2. looks at the condition again, 3. sleeps with what prepare returned.
  std::uint32_t prepare() {
    const auto seen = sequence_.load();
    tickets_.fetch_add(1);  // after the load: see above
    return seen;
  }
  /// False once the deadline has passed.
  bool sleep(std::uint32_t seen, detail::Deadline until) { return platform::park(sequence_, seen, until); }

  /// Like sleep, for an event count that other processes can corrupt: corruption may hide the sleeper from
  /// wakers. So a dozing waiter wakes up now and then and looks for itself; a wake-up that was lost is then
  /// only late. Correct operation never needs this, so the interval is long. `patience`: an upper bound of
  /// the caller's own.
  bool doze(std::uint32_t seen, detail::Deadline until,
            std::chrono::nanoseconds patience = std::chrono::nanoseconds::max()) {
    // Relaxed: nothing is published with it, and any value bounds the doze.
    const std::chrono::nanoseconds longest = longest_doze.load(std::memory_order_relaxed);
    platform::park(sequence_, seen, until.at_most(std::min(longest, patience)));
    return !until.passed();
  }
  inline static std::atomic<std::chrono::milliseconds> longest_doze{std::chrono::seconds(30)};

  /// Call after the change, which must be a sequentially consistent write.
  void wake_one() {
    const auto drawn = tickets_.load();
    if (drawn == settled_.load()) return;
    sequence_.fetch_add(1);
    if (platform::unpark(sequence_, 1) == 0) settled_.store(drawn);
  }
  /// Wakes every sleeper, if there is one.
  void wake_sleepers() {
    if (tickets_.load() != settled_.load()) wake_all();
  }
  void wake_all() {
    const auto drawn = tickets_.load();
    sequence_.fetch_add(1);
    platform::unpark_all(sequence_);
    settled_.store(drawn);
  }

 private:
  platform::Word sequence_;
  platform::Word tickets_;
  platform::Word settled_;
};

}  // namespace brood::sync
