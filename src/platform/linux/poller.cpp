#include "platform/poller.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <brood/errors.hpp>
#include <cerrno>

namespace brood::platform {
namespace {
constexpr std::uint64_t wake_key = ~std::uint64_t{0};
}

Poller::Poller()
    : poll_(above_standard(epoll_create1(EPOLL_CLOEXEC))),
      wake_(above_standard(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
  if (!poll_ || !wake_) throw OsError("epoll_create1 and eventfd", errno);
  add(wake_.get(), wake_key);
}

void Poller::add(int descriptor, std::uint64_t key, bool once) {
  epoll_event event{};
  event.events = EPOLLIN | (once ? EPOLLET : 0U);
  event.data.u64 = key;
  if (epoll_ctl(poll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0) return;
  if (errno != EEXIST || epoll_ctl(poll_.get(), EPOLL_CTL_MOD, descriptor, &event) != 0)
    throw OsError("epoll_ctl", errno);
}

void Poller::remove(int descriptor) { epoll_ctl(poll_.get(), EPOLL_CTL_DEL, descriptor, nullptr); }

void Poller::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(!write(wake_.get(), &one, sizeof one));
}

std::vector<std::uint64_t> Poller::wait(int milliseconds) {
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), milliseconds);
  std::vector<std::uint64_t> keys;
  for (int i = 0; i < n; ++i) {
    const auto key = events[static_cast<std::size_t>(i)].data.u64;
    if (key != wake_key) {
      keys.push_back(key);
    } else {
      std::uint64_t count = 0;
      static_cast<void>(!read(wake_.get(), &count, sizeof count));
    }
  }
  return keys;
}

Descriptor always_readable() {
  Descriptor one(above_standard(eventfd(1, EFD_CLOEXEC)));
  if (!one) throw OsError("eventfd", errno);
  return one;
}

Descriptor make_pipe_reader() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    throw OsError(
        "pipe2 for the stderr of a worker (each takes two descriptors; RLIMIT_NOFILE sets how many there "
        "are)",
        errno);
  close(ends[1]);
  return Descriptor(above_standard(ends[0]));
}

long read_some(const Descriptor& from, char* to, std::size_t n) {
  for (;;) {
    const ssize_t got = read(from.get(), to, n);
    if (got > 0) return got;
    if (got == 0) return -1;
    if (errno != EINTR) return 0;
  }
}

}  // namespace brood::platform
