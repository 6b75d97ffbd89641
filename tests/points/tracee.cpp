#include "tracee.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

namespace points {
namespace {

long trace(int request, pid_t thread, std::uint64_t address = 0, std::uint64_t data = 0) {
  return ptrace(static_cast<__ptrace_request>(request), thread, address, data);
}

// The alarm of the watchdog interrupts it.
int wait_for_stop(pid_t thread) {
  int status = 0;
  while (waitpid(thread, &status, __WALL) < 0) {
    if (errno == EINTR) throw Late("the stepped thread does not come back");
    throw std::runtime_error("waitpid of the stepped thread: " + std::string(std::strerror(errno)));
  }
  return status;
}

bool set_register(pid_t thread, int which, std::uint64_t address) {
  const auto control = offsetof(user, u_debugreg) + 7 * sizeof(long);
  const auto slot = offsetof(user, u_debugreg) + static_cast<std::size_t>(which) * sizeof(long);
  errno = 0;
  auto enabled = static_cast<std::uint64_t>(trace(PTRACE_PEEKUSER, thread, control));
  enabled &= ~(std::uint64_t{3} << (2 * which));
  trace(PTRACE_POKEUSER, thread, control, enabled);
  return address == 0 ||
         (trace(PTRACE_POKEUSER, thread, slot, address) == 0 &&
          trace(PTRACE_POKEUSER, thread, control, enabled | std::uint64_t{1} << (2 * which)) == 0);
}

[[gnu::noinline]] void tried_mark() { asm volatile(""); }

// Whether debug registers stop anybody here.
bool try_registers() {
  const pid_t child = fork();
  if (child == 0) {
    trace(PTRACE_TRACEME, 0);
    raise(SIGSTOP);
    tried_mark();
    _exit(0);
  }
  int status = 0;
  bool stops = child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
               set_register(child, 0, reinterpret_cast<std::uint64_t>(&tried_mark)) &&
               trace(PTRACE_CONT, child) == 0 && waitpid(child, &status, 0) == child;
  stops = stops && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
  if (child > 0 && !WIFEXITED(status)) {
    ::kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  return stops;
}

bool is_event(int status, int event) { return WIFSTOPPED(status) && status >> 16 == event; }

}  // namespace

bool debug_registers_work() {
  static const bool work = try_registers();
  return work;
}

Tracee::Tracee(pid_t thread, bool children) : thread_(thread) {
  const int options =
      PTRACE_O_TRACESYSGOOD | (children ? PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK : 0);
  if (trace(PTRACE_SEIZE, thread_, 0, static_cast<std::uint64_t>(options)) != 0) {
    throw NoTracing("ptrace of process " + std::to_string(thread) + ": " + std::strerror(errno));
  }
  attached_ = true;
  trace(PTRACE_INTERRUPT, thread_);
  await_first_stop();
}

Tracee::~Tracee() {
  if (attached_) detach();
}

void Tracee::await_first_stop() {
  for (;;) {
    const int status = wait_for_stop(thread_);
    if (!WIFSTOPPED(status)) {
      attached_ = false;
      throw std::runtime_error("the party ended before it could be stepped");
    }
    if (is_event(status, PTRACE_EVENT_STOP)) return;
    trace(PTRACE_CONT, thread_, 0, static_cast<std::uint64_t>(WSTOPSIG(status)));
  }
}

// Until the next stop that is the stepper's own; signals for the thread pass through.
bool Tracee::resume(int request) {
  for (;;) {
    trace(request, thread_, 0, static_cast<std::uint64_t>(signal_));
    signal_ = 0;
    const int status = wait_for_stop(thread_);
    if (!WIFSTOPPED(status)) {
      attached_ = false;
      return false;
    }
    at_event_ = status >> 16 != 0;
    if (at_event_) {
      if (status >> 16 != PTRACE_EVENT_STOP) return true;
      continue;
    }
    at_call_ = WSTOPSIG(status) == (SIGTRAP | 0x80);
    if (at_call_ || WSTOPSIG(status) == SIGTRAP) return true;
    signal_ = WSTOPSIG(status);
  }
}

// Stops where the processor would have stopped it: not where it stands already.
bool Tracee::run_by_steps(bool to_calls) {
  constexpr std::uint64_t syscall_instruction = 0x050f;
  for (;;) {
    const bool calls = to_calls && (in_call_ || (word_at(at()) & 0xffff) == syscall_instruction);
    if (!resume(calls ? PTRACE_SYSCALL : PTRACE_SINGLESTEP)) return false;
    in_call_ = at_call_ && !in_call_;
    if (at_call_ || at_event_) return true;
    const auto here = at();
    if (std::find(breakpoints_.begin(), breakpoints_.end(), here) != breakpoints_.end()) return true;
  }
}

bool Tracee::step() {
  in_call_ = false;
  return resume(PTRACE_SINGLESTEP);
}
bool Tracee::run() {
  if (!debug_registers_work()) return run_by_steps(false);
  return resume(PTRACE_CONT);
}
bool Tracee::run_to_call() {
  if (!debug_registers_work()) return run_by_steps(true);
  return resume(PTRACE_SYSCALL);
}

void Tracee::become_next_child() {
  if (!run()) throw std::runtime_error("the cloner has ended");
  unsigned long child = 0;
  trace(PTRACE_GETEVENTMSG, thread_, 0, reinterpret_cast<std::uint64_t>(&child));
  trace(PTRACE_DETACH, thread_);
  thread_ = static_cast<pid_t>(child);
  await_first_stop();
  trace(PTRACE_SETOPTIONS, thread_, 0,
        PTRACE_O_TRACESYSGOOD);  // it inherits them, and its own children are not wanted
}

void Tracee::set_breakpoint(int which, std::uint64_t address) {
  breakpoints_[static_cast<std::size_t>(which)] = address;
  if (debug_registers_work() && !set_register(thread_, which, address))
    throw NoTracing("a hardware breakpoint cannot be set: " + std::string(std::strerror(errno)));
}

user_regs_struct Tracee::registers() const {
  user_regs_struct all{};
  trace(PTRACE_GETREGS, thread_, 0, reinterpret_cast<std::uint64_t>(&all));
  return all;
}

std::uint64_t Tracee::at() const {
  return static_cast<std::uint64_t>(trace(PTRACE_PEEKUSER, thread_, offsetof(user, regs.rip)));
}

std::uint64_t Tracee::word_at(std::uint64_t address) const {
  return static_cast<std::uint64_t>(trace(PTRACE_PEEKTEXT, thread_, address));
}

void Tracee::kill() {
  ::kill(thread_, SIGKILL);  // of the whole process
  trace(PTRACE_CONT, thread_);
  // Its parent learns of the end when the tracer has.
  while (WIFSTOPPED(wait_for_stop(thread_))) trace(PTRACE_CONT, thread_);
  attached_ = false;
}

void Tracee::detach() {
  for (int which = 0; which < 2; ++which) set_breakpoint(which, 0);
  trace(PTRACE_DETACH, thread_, 0, static_cast<std::uint64_t>(signal_));
  attached_ = false;
}

}  // namespace points
