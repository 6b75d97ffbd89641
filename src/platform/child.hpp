#pragma once
// Making a process, noticing its end, and finding out how it ended.

#include <brood/detail/deadline.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "platform/descriptor.hpp"
#include "platform/park.hpp"

namespace brood::platform {

using Pid = std::int32_t;

Pid self_pid();
/// True if there is such a process, perhaps as a zombie.
bool is_alive(Pid pid);
Pid parent_pid();

/// How a process ended.
struct Ended {
  enum class How : std::uint32_t { exited, signalled, unknown };
  How how = How::unknown;
  int value = 0;  // exit code, or signal number
};

/// Whose child a raw clone makes, and whether that process gets SIGCHLD at the child's end.
enum class Parent { caller, caller_with_signal, callers_parent };

/// Clones this process, which must have one thread. Returns 0 in the child, the pid in the caller, -errno on
/// failure. The kernel itself stores the pid in `pid_word` (shared memory), so the pid is known even if the
/// caller is killed before it returns. The child raises no SIGCHLD: its exit signal is 0, as long as the
/// caller's is.
Pid raw_clone(Parent parent, Word* pid_word);

/// True if this error of raw_clone means that the kernel or a filter forbids it; a plain fork may still work.
bool clone_was_refused(int error);

/// A plain fork by the C library. Returns like raw_clone. The child stores `pid_word` first of all.
Pid library_fork(Word* pid_word);

/// One fork by the C library whose child exits at once: pthread_atfork handlers run, so that libraries with
/// threads of their own (OpenBLAS) end them.
void fork_for_handlers();

/// A descriptor that is readable once the process has ended. Empty if there is no such process.
Descriptor open_process(Pid pid);
/// Why there are no such descriptors on this system, as an errno value; 0 if there are.
int why_no_process_descriptors();
/// True if the process behind the descriptor has ended; waits up to the deadline.
bool wait_ended(const Descriptor& process, detail::Deadline until);
/// Reaps a child and returns its status; nothing while it runs; How::unknown if somebody else has reaped it.
std::optional<Ended> reap(Pid pid);
/// True if the child has ended, or is not a child of this process. Does not reap it.
bool has_ended(Pid pid);
/// Waits until the child has ended; does not reap it.
void wait_for_child(Pid pid);
/// The set of signals that are blocked in a thread.
class SignalMask {
 public:
  SignalMask();  // of this thread, now
  /// While this exists, the thread has the signal mask `mask`.
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

/// While this exists, no signal is delivered to this thread.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  unsigned long before_[16];  // a sigset_t
};
/// Returns a copy of the descriptor that exec does not close.
int keep_over_exec(int descriptor);
/// Executes this program's own file with the arguments and one more environment variable; returns errno. If
/// the executed file was a loader that loaded the program, executes that loader again with the original
/// arguments.
int exec_self(char* const* arguments, const std::string& variable);

/// Sends a signal; does nothing if the process has ended. False if it was not permitted.
bool send_signal(const Descriptor& process, int signal);
bool send_kill(const Descriptor& process);
/// The same by pid, for a child that the caller has not reaped: there may be no descriptor left. False if it
/// was not permitted.
bool kill_child(Pid child);
/// Signals the group of such a child, or the child alone if it has none.
void send_signal_to_group(Pid child, int signal);
/// Kills every process of the group that `leader` led from birth.
void kill_group(Pid leader);
std::string signal_name(int signal);  // "SIGSEGV"

/// When a process started, in ticks since boot: distinguishes it from a later process with the same pid. 0 if
/// there is none.
std::uint64_t start_time(Pid pid);

[[noreturn]] void exit_now(int code);            // no handlers, no flushing
[[noreturn]] void end_like(const Ended& ended);  // exit, or die by the same signal

}  // namespace brood::platform
