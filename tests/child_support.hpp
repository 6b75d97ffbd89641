#pragma once
// How tests and the children they make tell each other things without using what is tested: files and FIFOs.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <brood/process.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace child_support {

/// No test waits longer than this for one thing.
inline constexpr int patience_ms = 15'000;

/// A folder of its own, gone with the object.
class Folder {
 public:
  Folder() {
    char path[] = "/tmp/brood-test-XXXXXX";
    if (mkdtemp(path) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = std::filesystem::canonical(path);
  }
  ~Folder() {
    if (owner_ != getpid()) return;  // a copy of the object in a forked child
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
  pid_t owner_ = getpid();
};

inline std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// A place where one process waits for another. Its path may be handed to any process.
class Gate {
 public:
  Gate() : path_(folder_ / "gate") {
    if (mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
    fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  }
  ~Gate() { close(fd_); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  const std::string& path() const { return path_; }
  /// Lets one through.
  void open() const { static_cast<void>(!write(fd_, "x", 1)); }
  /// False when nobody opened it in time.
  bool pass() const {
    pollfd p{fd_, POLLIN, 0};
    char byte;
    return poll(&p, 1, patience_ms) == 1 && read(fd_, &byte, 1) == 1;
  }

  // From another process. Opened for both ends, so that it waits for no peer and is never at its end.
  static void open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    static_cast<void>(!write(fd, "x", 1));
    close(fd);
  }
  static void pass(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    char byte;
    static_cast<void>(!read(fd, &byte, 1));
    close(fd);
  }

 private:
  Folder folder_;
  std::string path_;
  int fd_ = -1;
};

/// Writes what F returned into a file.
template <class F>
struct Answering {
  template <class... Args>
  void operator()(const std::string& path, Args&&... args) const {
    std::ofstream(path) << F{}(std::forward<Args>(args)...);
  }
};

/// What f(args...), called in a child, returned.
template <class F, class... Args>
std::string answer_of(brood::ProcessOptions options, F, Args&&... args) {
  const Folder folder;
  const std::string file = folder / "answer";
  brood::Process process(std::move(options), Answering<F>{}, file, std::forward<Args>(args)...);
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  return text_of(file);
}

/// Runs f(args...) in a child until it has ended; its exit code.
template <class F, class... Args>
int exit_code_of(brood::ProcessOptions options, F f, Args&&... args) {
  brood::Process process(std::move(options), f, std::forward<Args>(args)...);
  process.start();
  process.join();
  return process.exitcode().value();
}

/// A child's function: opens one gate, then waits at another.
inline void open_then_wait(std::string opened, std::string waited) {
  Gate::open(opened);
  Gate::pass(waited);
}

/// A child that has begun and waits; killed with the object if it still runs.
class Waiting {
 public:
  explicit Waiting(brood::ProcessOptions options = {})
      : process(std::move(options), open_then_wait, begun_.path(), may_end_.path()) {}
  void start() {
    process.start();
    if (!begun_.pass()) throw std::runtime_error("a child has not begun");
  }
  void let_end() const { may_end_.open(); }
  ~Waiting() {
    try {
      if (process.is_alive()) {
        process.kill();
        process.join();
      }
    } catch (const brood::Error&) {  // closed, not started
    }
  }

 private:
  Gate begun_, may_end_;

 public:
  brood::Process process;
};

/// Waits until no process has that pid, or it is a zombie. One that stays is killed, so that no test leaves
/// it behind.
inline bool gone(pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd p{fd, POLLIN, 0};
  const bool ended = poll(&p, 1, patience_ms) == 1;
  if (!ended) kill(pid, SIGKILL);
  close(fd);
  return ended;
}

/// Tests that run under every start method.
class EachMethod : public testing::TestWithParam<brood::StartMethod> {
 protected:
  brood::ProcessOptions options() const {
    brood::ProcessOptions o;
    o.method = GetParam();
    return o;
  }
};

inline std::string method_name(const testing::TestParamInfo<brood::StartMethod>& info) {
  switch (info.param) {
    case brood::StartMethod::forkserver:
      return "forkserver";
    case brood::StartMethod::fork:
      return "fork";
    default:
      return "spawn";
  }
}

#define BROOD_EACH_METHOD(suite)                                                                            \
  INSTANTIATE_TEST_SUITE_P(                                                                                 \
      each, suite,                                                                                          \
      testing::Values(brood::StartMethod::forkserver, brood::StartMethod::fork, brood::StartMethod::spawn), \
      child_support::method_name)

}  // namespace child_support
