#pragma once
// A program on a terminal of its own: what it prints there, and answers typed to it.

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace run_program {

class OnTerminal {
 public:
  /// `leads`: the command leads a session of its own, with this as its controlling terminal, as a login shell
  /// does.
  OnTerminal(std::vector<std::string> command, unsigned short columns, bool leads = false) {
    winsize size{24, columns, 0, 0};
    int theirs = -1;
    if (openpty(&ours_, &theirs, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty");
    fcntl(ours_, F_SETFD, FD_CLOEXEC);
    // Without this, Ctrl-C and Ctrl-Z may drop what is printed at the same moment.
    termios modes{};
    tcgetattr(theirs, &modes);
    modes.c_lflag |= NOFLSH;
    tcsetattr(theirs, TCSANOW, &modes);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addclose(&actions, theirs);
    const std::string name = ptsname(ours_);
    for (const int fd : {0, 1, 2})
      posix_spawn_file_actions_addopen(&actions, fd, name.c_str(), leads ? O_RDWR : O_RDWR | O_NOCTTY, 0);
    if (leads) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    std::vector<char*> arguments;
    for (auto& one : command) arguments.push_back(one.data());
    arguments.push_back(nullptr);
    const int error =
        posix_spawn(&pid_, command[0].c_str(), &actions, &attributes, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(theirs);
    if (error != 0) throw std::runtime_error("cannot run " + command[0]);
  }
  ~OnTerminal() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    hang_up();
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  void type(const std::string& text) const {
    if (write(ours_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("cannot type");
  }

  pid_t pid() const { return pid_; }
  /// Closes the terminal's other end, as when a connection breaks. The program gets SIGHUP if this is its
  /// controlling terminal (`leads`, or `setsid --ctty`).
  void hang_up() {
    if (ours_ >= 0) close(std::exchange(ours_, -1));
  }

  /// Waits until it has printed that after what was waited for before.
  bool shows(const std::string& text, std::chrono::milliseconds limit = patience) {
    for (const auto until = Clock::now() + limit;;) {
      const auto at = screen_.find(text, seen_);
      if (at != std::string::npos) {
        seen_ = at + text.size();
        return true;
      }
      if (!take(until)) return false;
    }
  }

  /// The same, also for text that was printed earlier.
  bool has_shown(const std::string& text) {
    const auto until = Clock::now() + patience;
    while (screen_.find(text) == std::string::npos) {
      if (!take(until)) return false;
    }
    return true;
  }

  /// Its exit code, or minus the signal; -1000 when it does not end.
  int wait() {
    const auto until = Clock::now() + patience;
    while (take(until)) {
    }
    if (Clock::now() >= until) return -1000;
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);  // who has hung up waits here, below the watchdog
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  const std::string& screen() const { return screen_; }
  int descriptor() const { return ours_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds patience{90};

  // Takes what has been printed. False when nobody has the terminal any more, and when the time ran out.
  bool take(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{ours_, POLLIN, 0};
    if (ours_ < 0 || left <= 0 || poll(&ready, 1, static_cast<int>(left)) != 1) return false;
    std::array<char, 4096> text;
    const auto n = read(ours_, text.data(), text.size());
    if (n <= 0) return false;
    screen_.append(text.data(), static_cast<std::size_t>(n));
    return true;
  }

  pid_t pid_ = 0;
  int ours_ = -1;
  std::string screen_;
  std::size_t seen_ = 0;
};

}  // namespace run_program
