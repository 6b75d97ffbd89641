// Queue in one process: every way to put and to get, bounds, timeouts, counts, closing.

#include <brood/queue.hpp>
#include <cmath>
#include <limits>
#include <thread>

#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

template <class F>
std::chrono::duration<double> time_of(F f) {
  const auto begin = Clock::now();
  f();
  return Clock::now() - begin;
}

TEST(Queue, gives_values_in_order) {  // Q04
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  for (int i = 0; i < 1000; ++i) queue.put(i);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(queue.get(10s), i);
}

TEST(Queue, takes_values_in_every_form_until_it_is_full) {  // Q01
  const nothing_left::Memory memory;
  brood::Queue<int> queue(8);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
  queue.put(1);
  queue.put(2, true);
  queue.put(3, true, 10s);
  queue.put(4, false);
  queue.put(5, false, 10s);
  queue.put(6, 10s);
  queue.put_nowait(7);
  EXPECT_FALSE(queue.full());
  EXPECT_TRUE(queue.try_put(8));
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.qsize(), 8U);
  for (int i = 1; i <= 8; ++i) EXPECT_EQ(queue.get(10s), i);
}

TEST(Queue, says_full_at_once_when_it_may_not_wait) {  // Q02
  brood::Queue<int> queue(1);
  queue.put(1);
  const auto took = time_of([&] {
    EXPECT_THROW(queue.put(2, false), brood::Full);
    EXPECT_THROW(queue.put(2, false, 1h), brood::Full);
    EXPECT_THROW(queue.put_nowait(2), brood::Full);
    EXPECT_THROW(queue.put(2, 0s), brood::Full);
    EXPECT_THROW(queue.put(2, -1h), brood::Full);
    EXPECT_THROW(queue.put(2, true, -1ms), brood::Full);
    EXPECT_FALSE(queue.try_put(2));
  });
  EXPECT_LT(took, 60s);
  EXPECT_EQ(queue.qsize(), 1U);
  EXPECT_EQ(queue.get(), 1);
}

TEST(Queue, says_full_after_the_timeout_and_not_before) {  // Q02
  brood::Queue<int> queue(1);
  queue.put(1);
  EXPECT_GE(time_of([&] { EXPECT_THROW(queue.put(2, 60ms), brood::Full); }), 60ms);
  EXPECT_GE(time_of([&] { EXPECT_THROW(queue.put(2, true, 60ms), brood::Full); }), 60ms);
}

TEST(Queue, is_empty_and_not_full_when_drained) {  // Q03
  brood::Queue<int> queue(2);
  queue.put(1);
  queue.put(2);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.get(), 2);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
}

TEST(Queue, gives_values_in_every_form) {  // Q04
  brood::Queue<int> queue;
  for (int i = 1; i <= 8; ++i) queue.put(i);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.get(true), 2);
  EXPECT_EQ(queue.get(true, 10s), 3);
  EXPECT_EQ(queue.get(false), 4);
  EXPECT_EQ(queue.get(false, 10s), 5);
  EXPECT_EQ(queue.get_nowait(), 6);
  EXPECT_EQ(queue.try_get(), 7);
  EXPECT_EQ(queue.try_get_for(10s), 8);
}

TEST(Queue, says_empty_at_once_when_it_may_not_wait) {  // Q04
  brood::Queue<int> queue;
  const auto took = time_of([&] {
    EXPECT_THROW(queue.get(false), brood::Empty);
    EXPECT_THROW(queue.get(false, 1h), brood::Empty);
    EXPECT_THROW(queue.get_nowait(), brood::Empty);
    EXPECT_THROW(queue.get(0s), brood::Empty);
    EXPECT_THROW(queue.get(-1h), brood::Empty);
    EXPECT_THROW(queue.get(true, -1ns), brood::Empty);
    EXPECT_EQ(queue.try_get(), std::nullopt);
    EXPECT_EQ(queue.try_get_for(0s), std::nullopt);
    EXPECT_EQ(queue.try_get_for(-1s), std::nullopt);
  });
  EXPECT_LT(took, 60s);
}

TEST(Queue, says_empty_after_the_timeout_and_not_before) {  // Q04 Q09
  brood::Queue<int> queue;
  EXPECT_GE(time_of([&] { EXPECT_THROW(queue.get(60ms), brood::Empty); }), 60ms);
  EXPECT_GE(time_of([&] { EXPECT_THROW(queue.get(true, 60ms), brood::Empty); }), 60ms);
  EXPECT_GE(time_of([&] { EXPECT_EQ(queue.try_get_for(60ms), std::nullopt); }), 60ms);
}

TEST(Queue, takes_timeouts_too_long_for_a_clock) {
  brood::Queue<int> queue(1);
  queue.put(1, std::chrono::hours::max());
  EXPECT_EQ(queue.get(std::chrono::duration<double>(std::numeric_limits<double>::infinity())), 1);
  queue.put(2, std::chrono::duration<double>(std::nan("")));
  EXPECT_EQ(queue.get(std::chrono::nanoseconds::max()), 2);
}

TEST(Queue, counts_what_is_in_it) {  // Q06
  brood::Queue<int> queue;
  EXPECT_EQ(queue.qsize(), 0U);
  queue.put(1);
  EXPECT_EQ(queue.qsize(), 1U);
  queue.put(2);
  EXPECT_EQ(queue.qsize(), 2U);
  queue.get();
  EXPECT_EQ(queue.qsize(), 1U);
  queue.get();
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(Queue, has_no_bound_without_a_size_or_with_a_negative_one) {
  const nothing_left::Memory memory;
  for (const std::int64_t size :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    brood::Queue<int> queue(size);
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(queue.try_put(i));
    EXPECT_FALSE(queue.full());
    EXPECT_EQ(queue.qsize(), 10'000U);
  }
}

TEST(Queue, keeps_bounds_longer_than_its_first_ring) {
  const nothing_left::Memory memory;
  for (const int size : {4094, 4095, 4096, 4097, 20'000}) {
    brood::Queue<int> queue(size);
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < size; ++i) ASSERT_TRUE(queue.try_put(i)) << size << ' ' << i;
      EXPECT_FALSE(queue.try_put(-1)) << size;
      EXPECT_TRUE(queue.full()) << size;
      EXPECT_EQ(queue.qsize(), static_cast<std::size_t>(size));
      for (int i = 0; i < size; ++i) ASSERT_EQ(queue.get_nowait(), i) << size;
    }
  }
}

TEST(Queue, keeps_its_bound_when_many_threads_put) {
  for (const int size : {3, 5000}) {
    brood::Queue<int> queue(size);
    std::atomic<int> taken{0};
    std::vector<std::thread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([&] {
        for (int i = 0; i < size; ++i) taken += queue.try_put(i) ? 1 : 0;
      });
    }
    for (auto& writer : writers) writer.join();
    EXPECT_EQ(taken, size);
    EXPECT_EQ(queue.qsize(), static_cast<std::size_t>(size));
  }
}

TEST(Queue, grows_to_300000_small_values_and_gives_the_memory_back) {
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  for (int i = 0; i < 300'000; ++i) queue.put(i);
  EXPECT_EQ(queue.qsize(), 300'000U);
  for (int i = 0; i < 300'000; ++i) ASSERT_EQ(queue.get_nowait(), i);
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, grows_to_20000_values_of_1_kib) {
  const nothing_left::Memory memory;
  brood::Queue<std::string> queue;
  for (int i = 0; i < 20'000; ++i) queue.put(std::string(1024, static_cast<char>('a' + i % 26)));
  EXPECT_EQ(queue.qsize(), 20'000U);
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(queue.get_nowait(), std::string(1024, static_cast<char>('a' + i % 26)));
  }
}

TEST(Queue, forgets_what_is_left_in_it) {
  const nothing_left::Memory memory;
  brood::Queue<std::string> queue;
  for (int i = 0; i < 100; ++i) queue.put(std::string(200'000, 'x'));
}

TEST(Queue, lives_as_long_as_a_handle) {
  const nothing_left::Memory memory;
  std::optional<brood::Queue<int>> first(std::in_place);
  brood::Queue<int> second = *first;
  EXPECT_TRUE(*first == second);
  EXPECT_FALSE(second == brood::Queue<int>());
  first->put(7);
  first.reset();
  brood::Queue<int> third = std::move(second);
  EXPECT_EQ(third.get(10s), 7);
  EXPECT_THROW(second.put(1), brood::UsageError);  // NOLINT(bugprone-use-after-move): what is tested
}

TEST(Queue, takes_nothing_after_close_and_gives_what_it_has) {  // Q14
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  queue.put(1);
  queue.put(2);
  EXPECT_FALSE(queue.closed());
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_THROW(queue.put(3), brood::Closed);
  EXPECT_THROW(queue.put(3, 1s), brood::Closed);
  EXPECT_THROW(queue.put_nowait(3), brood::Closed);
  EXPECT_FALSE(queue.try_put(3));
  EXPECT_EQ(queue.qsize(), 2U);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.try_get(), 2);
  EXPECT_THROW(queue.get(), brood::Closed);
  EXPECT_THROW(queue.get(1h), brood::Closed);
  EXPECT_THROW(queue.get_nowait(), brood::Closed);
  EXPECT_THROW(queue.get(0s), brood::Closed);
  EXPECT_EQ(queue.try_get(), std::nullopt);
  EXPECT_EQ(queue.try_get_for(1h), std::nullopt);
}

TEST(Queue, may_be_closed_again_and_unused) {  // Q13 Q16
  const nothing_left::Memory memory;
  brood::Queue<int> queue(5);
  queue.close();
  queue.close();
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
  EXPECT_THROW(queue.get(), brood::Closed);
  EXPECT_THROW(queue.put(1), brood::Closed);
}

TEST(Queue, says_closed_rather_than_full) {
  brood::Queue<int> queue(1);
  queue.put(1);
  queue.close();
  EXPECT_THROW(queue.put(2), brood::Closed);
  EXPECT_THROW(queue.put_nowait(2), brood::Closed);
}

TEST(Queue, closing_wakes_threads_that_wait) {
  brood::Queue<int> empty;
  brood::Queue<int> full(1);
  full.put(1);
  std::atomic<int> woken{0};
  std::vector<std::thread> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back([&] {
      try {
        empty.get();
      } catch (const brood::Closed&) {
        ++woken;
      }
    });
    waiting.emplace_back([&] {
      try {
        full.put(2);
      } catch (const brood::Closed&) {
        ++woken;
      }
    });
  }
  empty.close();
  full.close();
  for (auto& thread : waiting) thread.join();
  EXPECT_EQ(woken, 6);
  EXPECT_EQ(full.get(), 1);
}

}  // namespace
