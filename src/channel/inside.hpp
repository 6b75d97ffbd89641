#pragma once
// Tracks whether this thread is in the middle of a queue operation. A thread's private state for its queues
// (its position in a ring, where blocks are) may be half updated then, so a signal handler must not use it.

#include <atomic>
#include <brood/errors.hpp>

namespace brood::channel {

// initial-exec TLS uses the few bytes the system reserves for it: accessed without a call, even in a shared
// library.
[[gnu::tls_model("initial-exec")]] inline constinit thread_local bool is_inside = false;

[[noreturn]] void refuse_to_enter();

/// Marks the thread as inside from construction to destruction. Throws UsageError when it is inside already.
class Inside {
 public:
  Inside() {
    if (is_inside) refuse_to_enter();
    is_inside = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~Inside() { leave(); }
  /// Leaves before destruction.
  void leave() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    is_inside = false;
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

/// Marks the thread as outside while user code runs in the middle of an operation, at a point where the state
/// is consistent: that code may use queues.
class Outside {
 public:
  Outside() { is_inside = false; }
  ~Outside() { is_inside = true; }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
};

}  // namespace brood::channel
