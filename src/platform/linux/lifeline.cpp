#include "platform/lifeline.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <brood/errors.hpp>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

namespace brood::platform {
namespace {

bool arm_lifeline(int fd, pid_t whom) {
  fcntl(fd, F_SETFD, 0);
  fcntl(fd, F_SETOWN, whom);
  fcntl(fd, F_SETSIG, SIGKILL);
  fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
  // Now armed; check whether the other end was closed before.
  char byte;
  return read(fd, &byte, 1) != 0;
}

}  // namespace

Lifeline Lifeline::create() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw OsError("pipe2 for the lifeline of child processes", errno);
  Lifeline line;
  line.read_ = Descriptor(above_standard(ends[0]));
  line.write_ = Descriptor(above_standard(ends[1]));
  return line;
}

Lifeline Lifeline::inherited(int read_descriptor) {
  Lifeline line;
  line.read_ = Descriptor(read_descriptor);
  return line;
}

Descriptor Lifeline::open_anew() const {
  // Not printf: a newborn child touches no page of the library without need.
  char path[32] = "/proc/self/fd/";
  *std::to_chars(path + std::strlen(path), path + sizeof path - 1, read_.get()).ptr = 0;
  return Descriptor(
      above_standard(open(path, O_RDONLY | O_NONBLOCK)));  // no O_CLOEXEC: executed programs keep it
}

bool Lifeline::arm() {
  write_.reset();
  armed_.reset();
  if (Descriptor own = open_anew()) {
    read_ = std::move(own);
    signals_ = true;
    return arm_lifeline(read_.get(), -getpid());  // the group
  }
  // Without /proc: the signal comes when the thread that made this process ends, which is the best available.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char byte;
  fcntl(read_.get(), F_SETFL, O_NONBLOCK);
  return read(read_.get(), &byte, 1) != 0;
}

bool Lifeline::arm_server() {
  write_.reset();
  armed_ = open_anew();
  if (armed_) return arm_lifeline(armed_.get(), -getpid());
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return true;
}

bool Lifeline::is_intact() const { return !signals_ || fcntl(read_.get(), F_GETSIG) == SIGKILL; }

bool Lifeline::arm_alone() {
  armed_ = open_anew();
  return !armed_ || arm_lifeline(armed_.get(), getpid());
}

bool Lifeline::outlives(const Descriptor& process) const {
  pollfd both[] = {{process.get(), POLLIN, 0}, {read_.get(), 0, 0}};  // POLLHUP is always reported
  while (ppoll(both, 2, nullptr, nullptr) < 0 && errno == EINTR) {
  }
  return both[0].revents != 0 || both[1].revents == 0;
}

void Lifeline::cut() const {
  // Opened and closed: an end of a pipe that closes while nobody has the other end sends the signals.
  open_anew();
  kill(0, SIGKILL);
  for (;;) pause();
}

}  // namespace brood::platform
