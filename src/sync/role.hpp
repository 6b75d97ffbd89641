#pragma once
// A part that one thread of this process plays at a time. Whoever would only leave something for the player
// tries, and where the part is taken leaves it where the player looks; so nobody sleeps for it on a hot path.
//
//   leaving something:  1. put it there  2. try_enter; where that fails the player sees it, see below
//   the player:         1. leave         2. look whether something was left, and if so try_enter again
//
// All of this is sequentially consistent: either the player sees what was put there, or who put it there
// finds the part free.

#include "platform/park.hpp"

namespace brood::sync {

class Role {
 public:
  bool try_enter() {
    std::uint32_t expected = free;
    if (word_.load() != free || !word_.compare_exchange_strong(expected, taken)) {
      return false;
    }
    player_.store(me(), std::memory_order_relaxed);
    return true;
  }
  /// Tries so many times: it is mostly played for less than a sleeper takes to wake.
  bool try_enter(int times) {
    while (!try_enter()) {
      if (--times <= 0) return false;
      platform::relax();
    }
    return true;
  }
  /// Waits for it, at most until the deadline; false when that has passed. Not for a thread that is_mine().
  bool enter(detail::Deadline until = detail::Deadline::never()) {
    if (try_enter(until.is_now() ? 1 : 100)) return true;
    if (until.is_now()) return false;
    while (word_.exchange(wanted) != free) {
      if (!platform::park(word_, wanted, until)) return false;
    }
    player_.store(me(), std::memory_order_relaxed);
    return true;
  }
  void leave() {
    player_.store(nullptr, std::memory_order_relaxed);
    if (word_.exchange(free) == wanted) platform::unpark(word_, 1);
  }
  /// This thread plays it now.
  bool is_mine() const { return player_.load(std::memory_order_relaxed) == me(); }

 private:
  enum : std::uint32_t { free = 0, taken = 1, wanted = 2 };  // wanted: taken, and perhaps somebody sleeps
  static const void* me() {
    static thread_local const char mark = 0;
    return &mark;
  }
  platform::Word word_{free};
  std::atomic<const void*> player_{nullptr};
};

}  // namespace brood::sync
