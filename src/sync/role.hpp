#pragma once
// A role that one thread of this process plays at a time. A thread that only has something to hand to the
// player tries to enter; if the role is taken, it leaves the thing where the player will look. So no thread
// sleeps for the role on a hot path.
//
//   leaving something: 1. put it there 2. try_enter; if that fails, the player sees it, see below
//   the player:         1. leave         2. look whether something was left, and if so try_enter again
//
// All of this is sequentially consistent: either the player sees what was put there, or the thread that put
// it there finds the role free.

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
  /// Tries up to `times` times: the role is mostly held for less time than waking a sleeper takes.
  bool try_enter(int times) {
    while (!try_enter()) {
      if (--times <= 0) return false;
      platform::relax();
    }
    return true;
  }
  /// Waits to enter, at most until the deadline; false when that has passed. Must not be called when
  /// is_mine().
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
  /// True when this thread plays the role now. relaxed suffices: only this thread ever stores its own mark.
  bool is_mine() const { return player_.load(std::memory_order_relaxed) == me(); }

 private:
  enum : std::uint32_t { free = 0, taken = 1, wanted = 2 };  // wanted: taken, and threads may be parked
  static const void* me() {
    static thread_local const char mark = 0;
    return &mark;
  }
  platform::Word word_{free};
  std::atomic<const void*> player_{nullptr};
};

}  // namespace brood::sync
