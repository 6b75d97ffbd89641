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
  // Armed; now see whether the other end had gone before.
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
  // Not by printf: a child that is born touches no page of the library that it need not.
  char path[32] = "/proc/self/fd/";
  *std::to_chars(path + std::strlen(path), path + sizeof path - 1, read_.get()).ptr = 0;
  return Descriptor(
      above_standard(open(path, O_RDONLY | O_NONBLOCK)));  // no O_CLOEXEC: programs that are started keep it
}

bool Lifeline::arm() {
  write_.reset();
  armed_.reset();
  if (Descriptor own = open_anew()) {
    read_ = std::move(own);
    signals_ = true;
    return arm_lifeline(read_.get(), -getpid());  // the group
  }
  // Without /proc: told of the end of the thread that made this process, which is the best there is.
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
  pollfd both[] = {{process.get(), POLLIN, 0}, {read_.get(), 0, 0}};  // POLLHUP is told unasked
  while (ppoll(both, 2, nullptr, nullptr) < 0 && errno == EINTR) {
  }
  return both[0].revents != 0 || both[1].revents == 0;
}

void Lifeline::cut() const {
  open_anew();  // and closed: whenever an end of a pipe with nobody at the other one goes, it sends its
                // signals
  kill(0, SIGKILL);
  for (;;) pause();
}

}  // namespace brood::platform
