#pragma once
// Waiting for something that is not a word: room in a queue, a value in it. Whoever changes the thing pays
// two loads when nobody waits. A waiter may be killed at any point and owes nobody anything.

#include <algorithm>
#include <atomic>
#include <chrono>

#include "platform/park.hpp"

namespace brood::sync {

/// In shared memory; all zeros at first.
///
/// Waiters draw tickets. A waker that found nobody asleep notes how many tickets had been drawn before it
/// looked: whoever holds one of those has seen an older sequence than the waker's, so cannot fall asleep on
/// it any more. While the two numbers are equal nobody is asleep. They are never lowered to say so before it
/// is true: a mark that a waker clears and sets again hides the sleepers from other wakers in between.
class EventCount {
 public:
  /// 1. The waiter calls prepare, 2. looks once more at the thing, 3. sleeps with what prepare returned.
  std::uint32_t prepare() {
    const auto seen = sequence_.load();
    tickets_.fetch_add(1);  // after the load: see above
    return seen;
  }
  /// False when the deadline has passed.
  bool sleep(std::uint32_t seen, detail::Deadline until) { return platform::park(sequence_, seen, until); }

  /// The same where others can write over this: whether a waker sees a sleeper stands here too. Whoever dozes
  /// looks for itself now and then, so that what noise has swallowed is late and not lost. Nothing that works
  /// needs it, so it is seldom.
  /// At most for `patience`, where somebody has less.
  bool doze(std::uint32_t seen, detail::Deadline until,
            std::chrono::nanoseconds patience = std::chrono::nanoseconds::max()) {
    const std::chrono::nanoseconds longest = longest_doze.load(std::memory_order_relaxed);
    platform::park(sequence_, seen, until.at_most(std::min(longest, patience)));
    return !until.passed();
  }
  inline static std::atomic<std::chrono::milliseconds> longest_doze{std::chrono::seconds(30)};

  /// After the change, which must be a sequentially consistent write.
  void wake_one() {
    const auto drawn = tickets_.load();
    if (drawn == settled_.load()) return;
    sequence_.fetch_add(1);
    if (platform::unpark(sequence_, 1) == 0) settled_.store(drawn);
  }
  /// Everybody who sleeps, if anybody does.
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
