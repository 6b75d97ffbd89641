#pragma once
// Whether this thread is in the middle of an operation on a queue. What a thread remembers of its queues (its
// place in a ring, where blocks are) is its alone, and a signal handler that came in between would find it
// half changed.

#include <atomic>
#include <brood/errors.hpp>

namespace brood::channel {

// Of the few bytes that the system keeps for such: reached without a call, also in a shared library.
[[gnu::tls_model("initial-exec")]] inline constinit thread_local bool is_inside = false;

[[noreturn]] void refuse_to_enter();

/// From construction to destruction. Throws UsageError when it is inside already.
class Inside {
 public:
  Inside() {
    if (is_inside) refuse_to_enter();
    is_inside = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~Inside() { leave(); }
  /// Before the end already.
  void leave() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    is_inside = false;
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

/// While the user's code runs in the middle of an operation, where all is in order: it may use queues.
class Outside {
 public:
  Outside() { is_inside = false; }
  ~Outside() { is_inside = true; }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
};

}  // namespace brood::channel
