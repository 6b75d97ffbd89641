#include "platform/child.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <vector>

#include "platform/descriptor.hpp"
#include "platform/life.hpp"
#include "platform/linux/process_stat.hpp"
#include "platform/modules.hpp"

namespace brood::platform {

Pid self_pid() { return getpid(); }
bool is_alive(Pid pid) { return kill(pid, 0) == 0 || errno == EPERM; }
Pid parent_pid() { return getppid(); }

Pid raw_clone(Parent parent, Word* pid_word) {
  // glibc's fork sets these for the child; a raw clone does not: the address of the thread's tid word, and
  // the head of its list of robust mutexes, without which a killed child's mutexes would never be released.
  int* tid_address = nullptr;
  prctl(PR_GET_TID_ADDRESS, &tid_address);
  void* robust_head = nullptr;
  std::size_t robust_size = 0;
  syscall(SYS_get_robust_list, 0, &robust_head, &robust_size);

  unsigned long flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;  // exit signal 0
  if (parent == Parent::callers_parent) flags |= CLONE_PARENT;
  if (parent == Parent::caller_with_signal) flags |= SIGCHLD;
  // clone, not clone3, which Docker's seccomp profile refuses.
  const long pid = syscall(SYS_clone, flags, nullptr, pid_word, tid_address, 0);
  if (pid == 0) {
    begin_life();
    if (robust_head != nullptr) syscall(SYS_set_robust_list, robust_head, robust_size);
    return 0;
  }
  return static_cast<Pid>(pid < 0 ? -errno : pid);
}

bool clone_was_refused(int error) { return error == ENOSYS || error == EPERM || error == EINVAL; }

Pid library_fork(Word* pid_word) {
  const pid_t pid = fork();
  if (pid < 0) return -errno;
  if (pid_word != nullptr) pid_word->store(static_cast<std::uint32_t>(pid == 0 ? getpid() : pid));
  return pid;
}

void fork_for_handlers() {
  // Hides this fork's end from a SIGCHLD handler of the program's. If other children have ended in this
  // moment, the handler must still hear of them.
  struct sigaction theirs {
  }, standard{};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &standard, &theirs);
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  while (pid > 0 && waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  sigaction(SIGCHLD, &theirs, nullptr);
  siginfo_t other{};
  if (waitid(P_ALL, 0, &other, WEXITED | WNOHANG | WNOWAIT) == 0 && other.si_pid != 0) raise(SIGCHLD);
}

Descriptor open_process(Pid pid) {
  return Descriptor(above_standard(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
}

int why_no_process_descriptors() {
  const Descriptor own(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  const int error = errno;
  return own ? 0 : error;
}

bool wait_ended(const Descriptor& process, detail::Deadline until) {
  for (;;) {
    pollfd p{process.get(), POLLIN, 0};
    timespec left{};
    timespec* limit = nullptr;
    if (!until.is_never()) {
      const auto ns = until.left().count();
      left = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
      limit = &left;
    }
    const int rc = ppoll(&p, 1, limit, nullptr);
    if (rc > 0) return true;
    if (rc == 0) return false;
    if (errno != EINTR) return false;
  }
}

std::optional<Ended> reap(Pid pid) {
  siginfo_t info{};
  int rc = 0;
  do {
    rc = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | __WALL);
  } while (rc != 0 && errno == EINTR);
  if (rc != 0) return Ended{};
  if (info.si_pid == 0) return std::nullopt;
  return Ended{info.si_code == CLD_EXITED ? Ended::How::exited : Ended::How::signalled, info.si_status};
}

bool has_ended(Pid pid) {
  siginfo_t info{};
  const int rc = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT | __WALL);
  return rc != 0 ? errno == ECHILD : info.si_pid != 0;
}

void wait_for_child(Pid pid) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | __WALL) != 0 && errno == EINTR) {
  }
}

SignalMask::SignalMask() {
  static_assert(sizeof blocked_ >= sizeof(sigset_t));
  pthread_sigmask(SIG_SETMASK, nullptr, reinterpret_cast<sigset_t*>(blocked_));
}
SignalMask::InForce::InForce(const SignalMask& mask) {
  pthread_sigmask(SIG_SETMASK, reinterpret_cast<const sigset_t*>(mask.blocked_),
                  reinterpret_cast<sigset_t*>(before_));
}
SignalMask::InForce::~InForce() {
  pthread_sigmask(SIG_SETMASK, reinterpret_cast<sigset_t*>(before_), nullptr);
}

SignalsBlocked::SignalsBlocked() {
  static_assert(sizeof before_ >= sizeof(sigset_t));
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, reinterpret_cast<sigset_t*>(before_));
}
SignalsBlocked::~SignalsBlocked() {
  pthread_sigmask(SIG_SETMASK, reinterpret_cast<sigset_t*>(before_), nullptr);
}

int keep_over_exec(int descriptor) { return fcntl(descriptor, F_DUPFD, 3); }

namespace {

// From the kernel, for a program that has not passed its arguments to init yet.
std::vector<std::string> own_arguments() {
  std::vector<std::string> all;
  std::ifstream file("/proc/self/cmdline");
  for (std::string one; std::getline(file, one, '\0');) all.push_back(one);
  if (all.empty()) all.emplace_back("brood");
  return all;
}

}  // namespace

int exec_self(char* const* arguments, const std::string& variable) {
  std::string copy = variable;
  putenv(copy.data());
  // A loader that loaded the program, such as the dynamic linker, needs the original arguments to find it.
  const bool as_it_was = arguments == nullptr || !loaded_by_another().empty();
  auto own = as_it_was ? own_arguments() : std::vector<std::string>();
  std::vector<char*> pointers;
  for (auto& one : own) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  execve("/proc/self/exe", as_it_was ? pointers.data() : arguments, environ);
  return errno;
}

bool send_signal(const Descriptor& process, int signal) {
  return syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0 || errno == ESRCH;
}

bool send_kill(const Descriptor& process) { return send_signal(process, SIGKILL); }

bool kill_child(Pid child) { return kill(child, SIGKILL) == 0; }

void send_signal_to_group(Pid child, int signal) {
  // A child that was just cloned does not lead its group yet.
  if (kill(-child, signal) != 0) kill(child, signal);
}

void kill_group(Pid leader) {
  if (leader > 1) kill(-leader, SIGKILL);
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

std::string stat_after_name(Pid pid) {
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const Descriptor file(open(path, O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t n = file ? read(file.get(), text, sizeof text) : 0;
  const std::string all(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  const auto name_end = all.rfind(')');
  return name_end != all.npos ? all.substr(name_end + 1) : std::string();
}

std::uint64_t start_time(Pid pid) {
  const auto fields = stat_after_name(pid);
  std::size_t at = 0;
  for (int field = 3; at != fields.npos && field < 22; ++field) at = fields.find(' ', at + 1);
  return at < fields.size() ? std::strtoull(fields.c_str() + at + 1, nullptr, 10) : 0;
}

void exit_now(int code) { _exit(code); }

void end_like(const Ended& ended) {
  if (ended.how == Ended::How::signalled) {
    rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);  // the process that died first has written one
    signal(ended.value, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, ended.value);
    sigprocmask(SIG_UNBLOCK, &one, nullptr);
    raise(ended.value);
  }
  _exit(ended.how == Ended::How::exited ? ended.value : 255);
}

}  // namespace brood::platform
