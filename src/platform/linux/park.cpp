#include "platform/park.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace brood::platform {

// Never FUTEX_PRIVATE: the word may be shared between processes.
bool park(const Word& word, std::uint32_t seen, detail::Deadline until) {
  timespec left{};
  timespec* limit = nullptr;
  if (!until.is_never()) {
    const auto ns = until.left().count();
    if (ns == 0) return false;
    left = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    limit = &left;
  }
  const long rc = syscall(SYS_futex, &word, FUTEX_WAIT, seen, limit, nullptr, 0);
  return !(rc < 0 && errno == ETIMEDOUT);
}

std::uint32_t this_processor() { return static_cast<std::uint32_t>(sched_getcpu()); }

bool spin(const Word& word, std::uint32_t seen, const Word& peer, std::chrono::nanoseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  do {
    for (int i = 0; i < 32; ++i) {
      if (word.load(std::memory_order_acquire) != seen) return true;
      relax();
    }
  } while (peer.load(std::memory_order_relaxed) != this_processor() &&
           std::chrono::steady_clock::now() < until);
  return word.load(std::memory_order_acquire) != seen;
}

int unpark(const Word& word, int n) {
  return static_cast<int>(syscall(SYS_futex, &word, FUTEX_WAKE, n, nullptr, nullptr, 0));
}

void yield() { sched_yield(); }

}  // namespace brood::platform
