#pragma once
// Making a process, telling that it ended, and how.

#include <brood/detail/deadline.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "platform/descriptor.hpp"
#include "platform/park.hpp"

namespace brood::platform {

using Pid = std::int32_t;

Pid self_pid();
/// There is such a process, perhaps as a zombie.
bool is_alive(Pid pid);
Pid parent_pid();

/// How a process ended.
struct Ended {
  enum class How : std::uint32_t { exited, signalled, unknown };
  How how = How::unknown;
  int value = 0;  // exit code, or signal number
};

/// Whose child a raw clone makes; and whether its end raises SIGCHLD there.
enum class Parent { caller, caller_with_signal, callers_parent };

/// Clones this process, which must have one thread. Returns 0 in the child, the pid in the caller, -errno on
/// failure. The kernel itself stores the pid into `pid_word` (shared memory), so that it is known even when
/// the caller is killed before it could look. The child raises no SIGCHLD: its exit signal is 0, as long as
/// that of the caller is.
Pid raw_clone(Parent parent, Word* pid_word);

/// The error of raw_clone says that this kernel or a filter does not allow it; a plain fork may still work.
bool clone_was_refused(int error);

/// A plain fork by the C library. Returns like raw_clone. `pid_word` is stored by the child, first thing.
Pid library_fork(Word* pid_word);

/// One fork by the C library that ends at once: pthread_atfork handlers run, so that libraries with threads
/// of their own (OpenBLAS) put them away.
void fork_for_handlers();

/// Descriptor that is readable when the process has ended. Empty when there is no such process.
Descriptor open_process(Pid pid);
/// Whether there are such descriptors here, and if not why: an errno value, 0 where there are.
int why_no_process_descriptors();
/// True when the process behind the descriptor has ended, waiting up to the deadline.
bool wait_ended(const Descriptor& process, detail::Deadline until);
/// The status of a child that has ended and takes it from the system; nothing while it runs; How::unknown
/// when somebody else took it.
std::optional<Ended> reap(Pid pid);
/// Has the child ended (or is it no child of ours)? Looks without taking.
bool has_ended(Pid pid);
/// Waits until the child has ended, without taking it.
void wait_for_child(Pid pid);
/// The signals that are not delivered to this thread.
class SignalMask {
 public:
  SignalMask();  // as they are now
  /// While it exists they are those of `mask`.
  class InForce {
   public:
    explicit InForce(const SignalMask& mask);
    ~InForce();
    InForce(const InForce&) = delete;
    InForce& operator=(const InForce&) = delete;

   private:
    unsigned long before_[16];
  };

 private:
  unsigned long blocked_[16];  // a sigset_t
};

/// While it exists no signal is delivered to this thread.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  unsigned long before_[16];  // a sigset_t
};
/// A copy of the descriptor that exec does not close.
int keep_over_exec(int descriptor);
/// Runs exec of this program's own file with the arguments and one variable more; returns errno. Where the
/// program was loaded by another that was executed, that is executed once more as it was.
int exec_self(char* const* arguments, const std::string& variable);

/// Sends a signal; to a process that has ended it does nothing. False when it was not allowed.
bool send_signal(const Descriptor& process, int signal);
bool send_kill(const Descriptor& process);
/// The same by pid, which the caller knows to be its child and not reaped: there may be no descriptor left.
/// False when it was not allowed.
bool kill_child(Pid child);
/// A signal to such a child's group where it has one.
void send_signal_to_group(Pid child, int signal);
/// Kills every process of the group that `leader` made at birth.
void kill_group(Pid leader);
std::string signal_name(int signal);  // "SIGSEGV"

/// When a process started, in ticks since boot: tells it from a later one of the same pid. 0 when there is
/// none.
std::uint64_t start_time(Pid pid);

[[noreturn]] void exit_now(int code);            // no handlers, no flushing
[[noreturn]] void end_like(const Ended& ended);  // exit, or die by the same signal

}  // namespace brood::platform
