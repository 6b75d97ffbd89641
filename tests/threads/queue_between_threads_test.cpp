// The queue among the threads of one process: the same code as between processes, and the thread sanitizer
// watches.

#include <gtest/gtest.h>

#include <atomic>
#include <brood/queue.hpp>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

void pass_numbers(std::int64_t max_size, int writers, int readers, long each) {
  brood::Queue<long> queue(max_size);
  std::vector<std::thread> threads;
  std::atomic<long> sum{0}, count{0};
  std::atomic<int> writing{writers};
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      for (long i = 0; i < each; ++i) queue.put(w * each + i);
      if (--writing == 0) queue.close();
    });
  }
  for (int r = 0; r < readers; ++r) {
    threads.emplace_back([&] {
      try {
        for (;;) {
          sum += queue.get(60s);
          ++count;
        }
      } catch (const brood::Closed&) {
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const long all = writers * each;
  EXPECT_EQ(count, all);
  EXPECT_EQ(sum, all * (all - 1) / 2);
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(QueueBetweenThreads, loses_and_doubles_nothing) { pass_numbers(0, 2, 2, 20000); }
TEST(QueueBetweenThreads, loses_and_doubles_nothing_when_it_is_bounded) { pass_numbers(7, 3, 2, 5000); }
TEST(QueueBetweenThreads, works_with_room_for_one) { pass_numbers(1, 2, 2, 1000); }

TEST(QueueBetweenThreads, carries_values_with_memory_of_their_own) {
  brood::Queue<std::string> queue(16);
  std::thread writer([&] {
    for (std::size_t i = 0; i < 2000; ++i) queue.put(std::string(i * 40, 'x'));
    queue.close();
  });
  std::size_t n = 0;
  try {
    for (;; ++n) ASSERT_EQ(queue.get(60s).size(), n * 40);
  } catch (const brood::Closed&) {
  }
  writer.join();
  EXPECT_EQ(n, 2000U);
}

}  // namespace
