#pragma once
// Waiting for something that is not a word: room in a queue, a value in it. Whoever changes the thing pays a
// load when nobody waits. A waiter may be killed at any point and owes nobody anything.

#include "platform/park.hpp"

namespace brood::sync {

/// In shared memory; all zeros at first.
struct EventCount {
  platform::Word sequence;
  platform::Word waiting;  // somebody may be asleep; wrong only on the side of caution

  /// 1. The waiter calls prepare, 2. looks once more at the thing, 3. sleeps with what prepare returned.
  std::uint32_t prepare() {
    const auto seen = sequence.load();
    // After the load: a waker that clears the mark afterwards also moves the sequence on from `seen`.
    waiting.store(1);
    return seen;
  }
  /// False when the deadline has passed.
  bool sleep(std::uint32_t seen, detail::Deadline until) { return platform::park(sequence, seen, until); }

  /// After the change, which must be a sequentially consistent write.
  void wake_one() {
    if (waiting.load() == 0) return;
    if (waiting.exchange(0) == 0) return;
    sequence.fetch_add(1);
    if (platform::unpark(sequence, 1) > 0) waiting.store(1);  // there may be more
  }
  /// Everybody who sleeps, if anybody does.
  void wake_sleepers() {
    if (waiting.load() != 0 && waiting.exchange(0) != 0) wake_all();
  }
  void wake_all() {
    waiting.store(0);
    sequence.fetch_add(1);
    platform::unpark_all(sequence);
  }
};

}  // namespace brood::sync
