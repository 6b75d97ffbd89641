#pragma once
// One thread in the hands of ptrace. Only the party that is stepped is ever traced, and only while it is.

#include <sys/types.h>
#include <sys/user.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace points {

/// The watchdog's alarm rang while the stepper waited.
struct Late : std::runtime_error {
  using runtime_error::runtime_error;
};
/// ptrace is not to be had here.
struct NoTracing : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Whether the processor's debug registers stop anybody here; they do not in some virtual machines.
bool debug_registers_work();

class Tracee {
 public:
  /// Takes the thread and stops it. `children`: those that it clones are taken as well, at their first
  /// instruction.
  explicit Tracee(pid_t thread, bool children = false);
  ~Tracee();
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;

  /// One instruction. False when the thread has ended.
  bool step();
  /// Until a breakpoint, or the end: false.
  bool run();
  /// The same, and stops at each system call too, before it and after it: stands_at_call().
  bool run_to_call();
  bool stands_at_call() const { return at_call_; }
  /// Runs until it has cloned a process, and becomes that one; the cloner is left alone.
  void become_next_child();

  /// By the processor's debug registers. Where they do nothing, by a byte of the program while the party
  /// runs; and when other threads run the same bytes, the party goes step by step.
  void set_breakpoint(int which, std::uint64_t address);  // 0 to 3; address 0: none
  bool goes_by_steps() const { return means_ == Means::steps; }
  user_regs_struct registers() const;
  std::uint64_t at() const;
  std::uint64_t word_at(std::uint64_t address) const;

  void kill();
  void detach();
  pid_t thread() const { return thread_; }

 private:
  enum class Means { registers, bytes, steps };

  bool resume(int request);
  bool run_until_breakpoint(bool to_calls);
  bool run_by_steps(bool to_calls);
  bool run_over_bytes(bool to_calls);
  bool stands_at_breakpoint() const;
  void put_bytes();
  void take_bytes(pid_t process) const;
  void let_child_go();
  pid_t new_child() const;
  void choose_means();
  void await_first_stop();

  pid_t thread_;
  int signal_ = 0;  // to be delivered at the next resumption
  bool attached_ = false;
  bool at_call_ = false, at_event_ = false;
  bool in_call_ = false;  // by steps: the last stop was before a system call
  bool wants_children_;
  bool child_has_bytes_ = false;
  Means means_ = Means::registers;
  std::array<std::uint64_t, 4> breakpoints_{};
  std::array<std::uint64_t, 4> words_{};  // what the program has there
};

}  // namespace points
