// Whoever sleeps is woken when there is something for it, whatever the wakers' timing.

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

#include "sync/event_count.hpp"

using namespace std::chrono_literals;

namespace {

// Each round, every sleeper takes one token and every waker gives one: each token is somebody's.
TEST(EventCountBetweenThreads, leaves_nobody_asleep_who_has_a_token) {
  constexpr int each = 3, rounds = 20'000;
  brood::sync::EventCount event;
  std::atomic<int> tokens{0};
  std::atomic<int> late{0};
  std::barrier<> round(2 * each);
  const auto take = [&] {
    for (int n = tokens.load(); n > 0;) {
      if (tokens.compare_exchange_weak(n, n - 1)) return true;
    }
    return false;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < each; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < rounds && late == 0; ++n) {
        const auto until = brood::detail::Deadline::in(20s);
        while (!take()) {
          const auto seen = event.prepare();
          if (take()) break;
          if (!event.sleep(seen, until)) {
            ++late;
            break;
          }
        }
        round.arrive_and_wait();
      }
      round.arrive_and_drop();
    });
    threads.emplace_back([&] {
      for (int n = 0; n < rounds && late == 0; ++n) {
        ++tokens;
        event.wake_one();
        round.arrive_and_wait();
      }
      round.arrive_and_drop();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(late, 0);
}

}  // namespace
