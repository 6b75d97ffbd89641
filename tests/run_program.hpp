#pragma once
// Whole programs of tests/children, run as a stranger would: by exec, with what they print caught.

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace run_program {

/// Where the build put it; BROOD_TEST_PROGRAMS in the environment names a copy, for users who may not enter
/// that folder.
inline std::string path_of(const std::string& name) {
  const char* elsewhere = std::getenv("BROOD_TEST_PROGRAMS");
  return std::string(elsewhere != nullptr ? elsewhere : BROOD_TEST_PROGRAMS) + "/" + name;
}

class Program {
 public:
  /// Starts it; `command` is its name in tests/children, or a path, and its arguments.
  explicit Program(std::vector<std::string> command, std::string file = {}) {
    if (command.at(0).find('/') == std::string::npos) command[0] = path_of(command[0]);
    if (file.empty()) file = command[0];
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    std::vector<char*> arguments;
    for (auto& one : command) arguments.push_back(one.data());
    arguments.push_back(nullptr);
    const int error = posix_spawn(&pid_, file.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    fds_[0] = out[0];
    fds_[1] = err[0];
    if (error != 0) throw std::runtime_error("cannot run " + command[0]);
    process_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  }
  ~Program() {
    if (!reaped_) {
      kill(SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    for (const int fd : {fds_[0], fds_[1], process_}) {
      if (fd >= 0) close(fd);
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void kill(int signal) const { ::kill(pid_, signal); }

  /// The next line that it printed, without its end; empty when there is none in time.
  std::string line() {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
      if (const auto end = out_.find('\n', read_); end != std::string::npos) {
        auto text = out_.substr(read_, end - read_);
        read_ = end + 1;
        return text;
      }
      if (!take(until)) return {};
    }
  }
  /// Waits until it has printed that to stderr.
  bool has_said(const std::string& text) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (err_.find(text) == std::string::npos) {
      if (!take(until)) return false;
    }
    return true;
  }

  /// Waits until it has ended, and until everybody who could print on its behalf has. The exit code, minus
  /// the signal, or -1000 when it does not end and -2000 when somebody lives on with its output.
  int wait() {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (take(until)) {
    }
    pollfd p{process_, POLLIN, 0};
    if (poll(&p, 1, left(until)) != 1) return -1000;
    int status = 0;
    waitpid(pid_, &status, 0);
    reaped_ = true;
    if (fds_[0] >= 0 || fds_[1] >= 0) return -2000;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  bool running() const {
    pollfd p{process_, POLLIN, 0};
    return poll(&p, 1, 0) == 0;
  }

  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

  static constexpr std::chrono::seconds patience{90};  // under sanitizers, beside others

 private:
  using Time = std::chrono::steady_clock::time_point;
  static int left(Time until) {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return rest.count() > 0 ? static_cast<int>(rest.count()) : 0;
  }

  // Takes what has been printed. False at the end of both, and when the time ran out.
  bool take(Time until) {
    if (fds_[0] < 0 && fds_[1] < 0) return false;
    pollfd both[2] = {{fds_[0], POLLIN, 0}, {fds_[1], POLLIN, 0}};
    if (poll(both, 2, left(until)) <= 0) return false;
    for (const int i : {0, 1}) {
      if (both[i].revents == 0) continue;
      char text[4096];
      const auto n = read(fds_[i], text, sizeof text);
      if (n > 0) {
        (i == 0 ? out_ : err_).append(text, static_cast<std::size_t>(n));
      } else {
        close(fds_[i]);
        fds_[i] = -1;
      }
    }
    return true;
  }

  pid_t pid_ = 0;
  int process_ = -1;
  int fds_[2] = {-1, -1};
  std::string out_, err_;
  std::size_t read_ = 0;
  bool reaped_ = false;
};

struct Ran {
  int code;
  std::string out, err;
};

inline Ran run(std::vector<std::string> command) {
  Program program(std::move(command));
  const int code = program.wait();
  return {code, program.out(), program.err()};
}

}  // namespace run_program
