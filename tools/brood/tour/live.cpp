#include "live.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <brood/brood.hpp>
#include <cerrno>
#include <chrono>

namespace tool {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{60};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

struct Ends {
  Descriptor ours, theirs;
};

// A terminal; where there are none, a pipe: the lines are the same, those of the program itself come later.
Ends make_ends() {
  int ours = -1, theirs = -1;
  if (openpty(&ours, &theirs, nullptr, nullptr, nullptr) != 0) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw brood::OsError("pipe", errno);
    ours = ends[0], theirs = ends[1];
  }
  fcntl(ours, F_SETFD, FD_CLOEXEC);
  fcntl(theirs, F_SETFD, FD_CLOEXEC);
  termios raw{};
  if (tcgetattr(theirs, &raw) == 0) {
    raw.c_oflag &= ~static_cast<tcflag_t>(OPOST);  // "\n" stays "\n"
    tcsetattr(theirs, TCSANOW, &raw);
  }
  return {Descriptor(ours), Descriptor(theirs)};
}

class Lines {
 public:
  Lines(Clock::time_point begin, const std::function<void(double, const std::string&)>& line)
      : begin_(begin), line_(line) {}
  void add(std::string_view text) {
    rest_ += text;
    for (std::size_t end = 0; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1))
      line_(seconds(), rest_.substr(0, end));
  }
  void finish() {
    if (!rest_.empty()) line_(seconds(), std::exchange(rest_, {}));
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  Clock::time_point begin_;
  const std::function<void(double, const std::string&)>& line_;
  std::string rest_;
};

// Hands on what comes until nobody has the other end any more. False when the time is up before.
bool read_all(int fd, Clock::time_point until, Lines& lines) {
  for (std::array<char, 4096> text{};;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{fd, POLLIN, 0};
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) == 0) return false;
    const auto n = read(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;  // the end of a pipe; EIO: that of a terminal
    lines.add({text.data(), static_cast<std::size_t>(n)});
  }
}

}  // namespace

fs::path program_of_example(const std::string& name) {
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path installed = (here / BROOD_EXAMPLES_FROM_HERE).lexically_normal(), built = here / "examples";
  for (const auto& folder : {installed, built})
    if (access((folder / name).c_str(), X_OK) == 0) return folder / name;
  throw std::runtime_error(
      fmt::format("the program of the example {} is neither in {} nor in {}; install brood as a whole (cmake "
                  "--install), or build the target brood_examples",
                  name, installed.native(), built.native()));
}

LiveEnd run_live(const fs::path& program, const std::function<void(double, const std::string&)>& line) {
  Ends ends = make_ends();
  Lines lines(Clock::now(), line);
  brood::Process process(brood::forked, [&] {
    dup2(ends.theirs.get(), 1);
    dup2(ends.theirs.get(), 2);
    execl(program.c_str(), program.c_str(), nullptr);
    _exit(127);
  });
  process.start();
  process.pid();  // it is born: it has its own copy of that end
  ends.theirs.close();
  const bool ended = read_all(ends.ours.get(), Clock::now() + patience, lines);
  if (!ended) process.kill();
  process.join();
  lines.finish();
  return {lines.seconds(), process.exitcode().value()};
}

}  // namespace tool
