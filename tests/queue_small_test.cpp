// Queue of small values of one size: they lie in the ring itself as long as one thread alone puts, and from
// its second writer on in blocks. Nobody may notice.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <map>
#include <thread>
#include <vector>

#include "child_support.hpp"
#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;

/// Each byte tells which value it is of.
template <std::size_t bytes>
struct Sized {
  std::array<unsigned char, bytes> all;
  static Sized of(int n) {
    Sized value;
    value.all.fill(static_cast<unsigned char>(n % 251));
    return value;
  }
  bool is(int n) const { return all == of(n).all; }
};

template <class T>
class QueueOfSize : public testing::Test {};
using Sizes = testing::Types<Sized<1>, Sized<7>, Sized<8>, Sized<9>, Sized<63>, Sized<64>, Sized<65>,
                             Sized<255>, Sized<256>, Sized<257>, Sized<1000>>;
TYPED_TEST_SUITE(QueueOfSize, Sizes, );

TYPED_TEST(QueueOfSize, keeps_the_order_through_growth_and_a_second_writer) {  // Q04 Q06
  const nothing_left::Memory memory;
  {
    brood::Queue<TypeParam> queue;
    constexpr int alone = 3000, each = 500;
    for (int i = 0; i < alone; ++i) queue.put(TypeParam::of(i));
    EXPECT_EQ(queue.qsize(), static_cast<std::size_t>(alone));
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(queue.get(5s).is(i));
    std::thread([&] {
      for (int i = 0; i < each; ++i) queue.put(TypeParam::of(alone + i));
    }).join();
    for (int i = 0; i < each; ++i) queue.put(TypeParam::of(alone + each + i));
    EXPECT_EQ(queue.qsize(), static_cast<std::size_t>(alone + 2 * each - 100));
    for (int i = 100; i < alone + 2 * each; ++i) ASSERT_TRUE(queue.get(5s).is(i)) << i;
    EXPECT_TRUE(queue.empty());
  }
}

TYPED_TEST(QueueOfSize, goes_from_one_process_to_another) {
  brood::Queue<TypeParam> queue(100);
  brood::Process writer(
      [](brood::Queue<TypeParam> to) {
        for (int i = 0; i < 20'000; ++i) to.put(TypeParam::of(i));
      },
      queue);
  writer.start();
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(queue.get(20s).is(i)) << i;
  EXPECT_TRUE(writer.join(20s));
}

using Pair = std::array<std::int64_t, 2>;

TEST(QueueSmall, keeps_its_bound_while_a_second_writer_comes) {  // Q01
  for (int first = 0; first <= 3; ++first) {
    brood::Queue<Pair> queue(3);
    for (int i = 0; i < first; ++i) EXPECT_TRUE(queue.try_put({0, i}));
    std::thread([&] {
      for (int i = first; i < 3; ++i) EXPECT_TRUE(queue.try_put({1, i}));
      EXPECT_FALSE(queue.try_put({1, 9}));
    }).join();
    EXPECT_FALSE(queue.try_put({0, 9}));
    EXPECT_EQ(queue.qsize(), 3U);
    for (int taken = 0; taken < 3; ++taken) {  // while values lie in both kinds of rings
      EXPECT_EQ(queue.get(5s)[1], taken);
      EXPECT_TRUE(queue.try_put({0, 3 + taken}));
      EXPECT_FALSE(queue.try_put({0, 9}));
      EXPECT_TRUE(queue.full());
    }
    for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.get(5s)[1], 3 + i);
  }
}

TEST(QueueSmall, loses_and_doubles_nothing_between_threads) {
  brood::Queue<Pair> queue(50);
  constexpr int writers = 3, readers = 3, each = 20'000;
  std::array<std::vector<Pair>, readers> got;
  std::vector<std::thread> threads;
  for (int r = 0; r < readers; ++r) {
    threads.emplace_back([&, r] {
      for (Pair value = queue.get(); value[0] >= 0; value = queue.get())
        got[static_cast<std::size_t>(r)].push_back(value);
    });
  }
  std::vector<std::thread> puts;
  for (int w = 0; w < writers; ++w) {
    puts.emplace_back([&, w] {
      for (int i = 0; i < each; ++i) queue.put({w, i});
    });
  }
  for (auto& one : puts) one.join();
  for (int r = 0; r < readers; ++r) queue.put({-1, 0});
  for (auto& one : threads) one.join();
  std::map<std::int64_t, std::vector<int>> times;
  for (int w = 0; w < writers; ++w) times[w].resize(each);
  for (const auto& all : got) {
    std::map<std::int64_t, std::int64_t> last;
    for (const auto& [writer, number] : all) {
      ++times[writer][static_cast<std::size_t>(number)];
      EXPECT_TRUE(!last.contains(writer) || last[writer] < number);
      last[writer] = number;
    }
  }
  for (const auto& [writer, counts] : times) {
    for (const int count : counts) ASSERT_EQ(count, 1);
  }
}

// One writer after another: the ring of a dead one goes on with the next.
TEST(QueueSmall, is_taken_over_from_writers_who_are_killed) {
  const nothing_left::Memory memory;
  brood::Queue<Pair> queue;
  std::int64_t got = 0;
  for (int round = 0; round < 20; ++round) {
    brood::Process writer(
        [](brood::Queue<Pair> to, std::int64_t me) {
          for (std::int64_t i = 0;; ++i) to.put({me, i});
        },
        queue, std::int64_t{round});
    writer.start();
    for (std::int64_t next = 0; next < 1000; ++next, ++got) ASSERT_EQ(queue.get(20s), (Pair{round, next}));
    writer.kill();
    ASSERT_TRUE(writer.join(20s));
    std::int64_t next = 1000;
    while (const auto value = queue.try_get()) ASSERT_EQ(*value, (Pair{round, next++}));
    EXPECT_EQ(queue.qsize(), 0U);
  }
}

TEST(QueueSmall, does_not_wait_for_a_writer_who_stands) {
  brood::Queue<Pair> queue;
  brood::Process writer(
      [](brood::Queue<Pair> to) {
        for (std::int64_t i = 0;; ++i) to.put({1, i}), std::this_thread::sleep_for(10us);
      },
      queue);
  writer.start();
  for (int round = 0; round < 10; ++round) {
    static_cast<void>(queue.get(20s));
    kill(*writer.pid(), SIGSTOP);
    queue.put({2, round});
    for (Pair value = queue.get(20s); value != Pair{2, round}; value = queue.get(20s)) ASSERT_EQ(value[0], 1);
    kill(*writer.pid(), SIGCONT);
  }
  writer.kill();
  EXPECT_TRUE(writer.join(20s));
}

// What a thread remembers of its place in a ring is not so in a copy of it.
TEST(QueueSmall, has_another_writer_in_a_forked_child) {
  brood::Queue<Pair> queue;
  for (int i = 0; i < 10; ++i) queue.put({0, i});
  brood::Process child(
      {.method = brood::StartMethod::fork},
      [](brood::Queue<Pair> to) {
        for (int i = 0; i < 1000; ++i) to.put({1, i});
      },
      queue);
  child.start();
  for (int i = 10; i < 1000; ++i) queue.put({0, i});
  ASSERT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
  Pair next{0, 0};
  for (int i = 0; i < 2000; ++i) {
    const auto [who, number] = queue.get(5s);
    ASSERT_EQ(number, next[static_cast<std::size_t>(who)]++);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(QueueSmall, closes_while_its_writer_puts) {  // Q14
  brood::Queue<Pair> queue;
  brood::Queue<std::int64_t> told;
  brood::Process writer(
      [](brood::Queue<Pair> to, brood::Queue<std::int64_t> count) {
        std::int64_t i = 0;
        try {
          for (;; ++i) to.put({0, i});
        } catch (const brood::Closed&) {
          count.put(i);
        }
      },
      queue, told);
  writer.start();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(queue.get(20s)[1], i);
  queue.close();
  const auto put = told.get(20s);
  for (std::int64_t i = 100; i < put; ++i) ASSERT_EQ(queue.get(5s)[1], i);
  EXPECT_THROW(queue.get(5s), brood::Closed);
  EXPECT_THROW(queue.put({0, 0}), brood::Closed);
  EXPECT_TRUE(writer.join(20s));
}

}  // namespace
