#include "platform/job_control.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "platform/linux/process_stat.hpp"

namespace brood::platform {
namespace {

Descriptor own_terminal() {
  return Descriptor(above_standard(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)));
}

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int one : signals) sigaddset(&set, one);
  return set;
}

// The system stops a background process that hands the terminal on, unless that process blocks SIGTTOU.
class TerminalOutputFree {
 public:
  TerminalOutputFree() {
    const auto one = set_of({SIGTTOU});
    pthread_sigmask(SIG_BLOCK, &one, &before_);
  }
  ~TerminalOutputFree() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  TerminalOutputFree(const TerminalOutputFree&) = delete;
  TerminalOutputFree& operator=(const TerminalOutputFree&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

TerminalKind own_terminal_kind() {
  const auto terminal = own_terminal();
  termios modes{};
  if (!terminal || tcgetattr(terminal.get(), &modes) != 0) return TerminalKind::none;
  return (modes.c_lflag & TOSTOP) != 0 ? TerminalKind::stops_output : TerminalKind::plain;
}

Pid foreground_group() {
  const auto terminal = own_terminal();
  const pid_t group = terminal ? tcgetpgrp(terminal.get()) : -1;
  return group > 0 ? group : 0;
}

bool hand_terminal(Pid from, Pid to) {
  const auto terminal = own_terminal();
  if (!terminal || tcgetpgrp(terminal.get()) != from) return false;
  const TerminalOutputFree free;
  return tcsetpgrp(terminal.get(), to) == 0;
}

Pid own_group() { return getpgrp(); }
bool join_group(Pid member, Pid group) { return setpgid(member, group) == 0; }

void signal_group(Pid group, int signal) {
  if (group > 1) kill(-group, signal);
}
void signal_process(Pid pid, int signal) { kill(pid, signal); }
bool nudge(Pid pid) { return kill(pid, SIGURG) == 0; }

void end_with(Pid maker) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != maker) _exit(0);
}

std::optional<Listed> look_up(Pid pid) {
  const auto fields = stat_after_name(pid);
  char state = 0;
  Listed found{.pid = pid};
  if (std::sscanf(fields.c_str(), " %c %d %d %d", &state, &found.parent, &found.group, &found.session) != 4)
    return std::nullopt;
  found.stopped = state == 'T';
  found.asleep = state == 'S';
  found.ended = state == 'Z' || state == 'X';
  return found;
}

std::vector<Listed> list_processes() {
  std::vector<Listed> all;
  DIR* const folder = opendir("/proc");
  if (folder == nullptr) return all;
  while (const dirent* const entry = readdir(folder)) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    if (const auto one = look_up(pid)) all.push_back(*one);
  }
  closedir(folder);
  return all;
}

std::string name_of(Pid pid) {
  const auto path = "/proc/" + std::to_string(pid) + "/comm";
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 32> text{};
  const auto n = file ? read(file.get(), text.data(), text.size()) : 0;
  return n > 1 ? std::string(text.data(), static_cast<std::size_t>(n - 1)) : "a process";
}

HeardSignals::HeardSignals() {
  const auto heard = set_of({SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD, SIGURG});
  signals_ = Descriptor(above_standard(signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK)));
}

std::optional<HeardSignals::Heard> HeardSignals::next() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return Heard{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

namespace {
// The system returns the pending signal with the lowest number first, so this one comes after every typed
// one.
constexpr int no_more_typed = SIGPWR;
}  // namespace

int next_typed() {
  const auto awaited = set_of({SIGINT, SIGQUIT, SIGTSTP, SIGWINCH, SIGHUP, no_more_typed});
  for (;;) {
    siginfo_t info{};
    const int signal = sigwaitinfo(&awaited, &info);
    if (signal == no_more_typed) return 0;
    if (signal > 0 && info.si_code == SI_KERNEL) return signal;
  }
}

void end_typed(Pid listener) {
  kill(listener, no_more_typed);
  kill(listener, SIGCONT);  // it is stopped if its whole group is
}

unsigned wait_for_any(std::initializer_list<int> descriptors, int milliseconds) {
  std::array<pollfd, 8> all{};
  nfds_t n = 0;
  for (const int one : descriptors) all.at(n++) = {one, POLLIN, 0};
  if (poll(all.data(), n, milliseconds) <= 0) return 0;
  unsigned which = 0;
  for (nfds_t i = 0; i < n; ++i) which |= all.at(i).revents != 0 ? 1U << i : 0U;
  return which;
}

namespace {

int end_or_stop(Pid child, int how) {
  siginfo_t info{};
  int rc = 0;
  do {
    info.si_pid = 0;
    rc = waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WSTOPPED | WNOWAIT | __WALL | how);
  } while (rc != 0 && errno == EINTR);
  if (rc != 0 || info.si_pid == 0 || info.si_code != CLD_STOPPED) return 0;
  const int signal = info.si_status;
  waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOHANG | __WALL);  // reported once
  return signal;
}

bool (*terminal_is_wanted)() = nullptr;

void on_background_use(int signal, siginfo_t*, void* context) {
  const int kept = errno;
  // With the signal blocked, the system lets the interrupted call fail (read) or succeed (tcsetattr) instead
  // of sending the signal again.
  if (!terminal_is_wanted()) sigaddset(&static_cast<ucontext_t*>(context)->uc_sigmask, signal);
  errno = kept;
}

void on_interrupt(int signal, siginfo_t* info, void*) {
  if (info->si_code == SI_KERNEL) return;
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
  raise(signal);  // delivered when this handler returns
}

}  // namespace

int wait_for_end_or_stop(Pid child) { return end_or_stop(child, 0); }
int look_for_stop(Pid child) { return end_or_stop(child, WNOHANG); }

void reset_signals_beside_terminal(bool (*wants)(), bool prints_freely) {
  terminal_is_wanted = wants;
  struct sigaction standard {
  }, ignored{}, background{}, interrupt{};
  standard.sa_handler = SIG_DFL;
  ignored.sa_handler = SIG_IGN;
  background.sa_sigaction = &on_background_use;
  background.sa_mask = set_of({SIGTTIN, SIGTTOU});
  background.sa_flags = SA_RESTART | SA_SIGINFO;
  interrupt.sa_sigaction = &on_interrupt;
  interrupt.sa_flags = SA_RESTART | SA_SIGINFO;
  for (int s = 1; s < NSIG; ++s) {
    if (s == SIGKILL || s == SIGSTOP) continue;
    const auto* const action = s == SIGTTIN   ? &background
                               : s == SIGTTOU ? (prints_freely ? &ignored : &background)
                               : s == SIGINT  ? &interrupt
                                              : &standard;
    sigaction(s, action, nullptr);
  }
}

}  // namespace brood::platform
