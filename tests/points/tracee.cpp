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
#include <filesystem>
#include <iterator>
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

std::size_t threads_beside(pid_t thread) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(thread) + "/task"), end;
  return static_cast<std::size_t>(std::distance(all, end)) - 1;
}
bool is_thread_of(pid_t process, pid_t thread) {
  return std::filesystem::exists("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread));
}

constexpr std::uint64_t trace_children = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
// A process that is cloned while bytes are changed has them too.
std::uint64_t options(bool wants_children) {
  return PTRACE_O_TRACESYSGOOD | (wants_children || !debug_registers_work() ? trace_children : 0);
}

}  // namespace

bool debug_registers_work() {
  static const bool work = try_registers();
  return work;
}

Tracee::Tracee(pid_t thread, bool children) : thread_(thread), wants_children_(children) {
  if (trace(PTRACE_SEIZE, thread_, 0, options(children)) != 0) {
    throw NoTracing("ptrace of process " + std::to_string(thread) + ": " + std::strerror(errno));
  }
  attached_ = true;
  trace(PTRACE_INTERRUPT, thread_);
  await_first_stop();
  choose_means();
}

Tracee::~Tracee() {
  if (attached_) detach();
}

void Tracee::choose_means() {
  if (debug_registers_work()) return;
  means_ = threads_beside(thread_) == 0 ? Means::bytes : Means::steps;
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

bool Tracee::stands_at_breakpoint() const {
  const auto here = at();
  return here != 0 && std::find(breakpoints_.begin(), breakpoints_.end(), here) != breakpoints_.end();
}

pid_t Tracee::new_child() const {
  unsigned long child = 0;
  trace(PTRACE_GETEVENTMSG, thread_, 0, reinterpret_cast<std::uint64_t>(&child));
  return static_cast<pid_t>(child);
}

// It was cloned by the party, and stands at its first instruction.
void Tracee::let_child_go() {
  const pid_t child = new_child();
  if (!WIFSTOPPED(wait_for_stop(child))) return;
  if (is_thread_of(thread_, child)) {
    if (means_ == Means::bytes) means_ = Means::steps;
  } else if (child_has_bytes_) {
    take_bytes(child);
  }
  child_has_bytes_ = false;
  trace(PTRACE_DETACH, child);
}

bool Tracee::run_until_breakpoint(bool to_calls) {
  for (;;) {
    const bool alive = means_ == Means::steps   ? run_by_steps(to_calls)
                       : means_ == Means::bytes ? run_over_bytes(to_calls)
                                                : resume(to_calls ? PTRACE_SYSCALL : PTRACE_CONT);
    if (!alive || !at_event_ || wants_children_) return alive;
    let_child_go();
  }
}

// Stops where the processor would have stopped it: not where it stands already.
bool Tracee::run_by_steps(bool to_calls) {
  constexpr std::uint64_t syscall_instruction = 0x050f;
  for (;;) {
    const bool calls = to_calls && (in_call_ || (word_at(at()) & 0xffff) == syscall_instruction);
    if (!resume(calls ? PTRACE_SYSCALL : PTRACE_SINGLESTEP)) return false;
    if (at_event_) return true;
    in_call_ = at_call_ && !in_call_;
    if (at_call_ || stands_at_breakpoint()) return true;
  }
}

void Tracee::put_bytes() {
  constexpr std::uint64_t stop_byte = 0xcc, byte = 0xff;
  for (std::size_t i = 0; i < breakpoints_.size(); ++i) {
    if (breakpoints_[i] == 0) continue;
    words_[i] = word_at(breakpoints_[i]);
    trace(PTRACE_POKETEXT, thread_, breakpoints_[i], (words_[i] & ~byte) | stop_byte);
  }
}
// The last first: words may overlap.
void Tracee::take_bytes(pid_t process) const {
  for (auto i = breakpoints_.size(); i-- > 0;) {
    if (breakpoints_[i] != 0) trace(PTRACE_POKETEXT, process, breakpoints_[i], words_[i]);
  }
}

// The bytes are there only while the party runs: who dies of it or clones leaves none behind.
bool Tracee::run_over_bytes(bool to_calls) {
  if (stands_at_breakpoint()) {
    if (!resume(PTRACE_SINGLESTEP)) return false;
    if (at_event_ || stands_at_breakpoint()) return true;
  }
  put_bytes();
  if (!resume(to_calls ? PTRACE_SYSCALL : PTRACE_CONT)) return false;
  take_bytes(thread_);
  child_has_bytes_ = at_event_;
  if (at_event_) return true;
  in_call_ = at_call_ && !in_call_;
  if (at_call_) return true;
  const auto before = at() - 1;
  if (std::find(breakpoints_.begin(), breakpoints_.end(), before) != breakpoints_.end()) {
    trace(PTRACE_POKEUSER, thread_, offsetof(user, regs.rip), before);
  }
  return true;
}

bool Tracee::step() {
  in_call_ = false;
  while (resume(PTRACE_SINGLESTEP)) {
    if (!at_event_ || wants_children_) return true;
    let_child_go();
  }
  return false;
}
bool Tracee::run() { return run_until_breakpoint(false); }
bool Tracee::run_to_call() { return run_until_breakpoint(true); }

void Tracee::become_next_child() {
  if (!run()) throw std::runtime_error("the cloner has ended");
  const pid_t child = new_child();
  trace(PTRACE_DETACH, thread_);
  thread_ = child;
  await_first_stop();
  wants_children_ = false;
  trace(PTRACE_SETOPTIONS, thread_, 0, options(false));  // it inherits those of the cloner
  choose_means();
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
