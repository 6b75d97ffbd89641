// map in chunks: nothing but the time may change. O02, F09.

#include <unistd.h>

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <list>
#include <map>
#include <ranges>
#include <set>
#include <thread>

#include "items.hpp"
#include "nothing_left.hpp"

namespace pool_chunks {

bool is_even(long n) { return n % 2 == 0; }
int refuses_every_tenth(int n) {
  if (n % 10 == 3) throw std::out_of_range("number " + std::to_string(n));
  return n;
}
int crashes_at(int n, int where, brood::Queue<int> ran) {
  ran.put(n);
  if (n == where) raise(SIGKILL);
  return n;
}
int leaves_at(int n, int where) {
  if (n == where) _exit(3);
  return n;
}
std::size_t length(const std::string& text) { return text.size(); }
double sum_at(std::size_t i, const std::vector<double>& all) { return all.at(i); }
std::size_t appended(std::size_t n, std::vector<int> mine) {
  mine.resize(mine.size() + n);
  return mine.size();
}
void put_into(int n, brood::Queue<int> queue) { queue.put(n); }
int where_it_runs(int) {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return getpid();
}
int slow_from_the_middle(int n) {
  if (n >= 500) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return getpid();
}
int kills_its_worker_first(int n) {
  if (n % 4 == 0) raise(SIGKILL);
  return n;
}
struct Point {
  int x = 0, y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
Point mirrored(Point p) { return {p.y, p.x}; }
struct Counter {
  int calls = 0;
  int operator()(int n) { return n + calls++; }
};
int put_through(brood::Queue<int> queue) { return queue.get() + 1; }

}  // namespace pool_chunks

namespace {

using namespace pool_chunks;
using namespace std::chrono_literals;
using items::numbers;
using items::square;

class PoolChunks : public testing::TestWithParam<int> {
 protected:
  brood::CallOptions options() const { return items::chunks_of(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(of, PoolChunks, testing::Values(0, 1, 2, 6, 20, 40, 50, 1000, 1'000'000),
                         [](const auto& info) {
                           return info.param == 0 ? "any_size" : std::to_string(info.param);
                         });

TEST_P(PoolChunks, give_what_a_loop_gives_O02_F09) {
  const nothing_left::Memory memory;
  brood::Pool pool(3);
  for (const int n : {0, 1, 2, 3, 7, 100, 1001, 20'000}) {
    const auto all = numbers(n);
    std::vector<int> wanted;
    for (const int i : all) wanted.push_back(square(i));
    EXPECT_EQ(pool.map(options(), square, all), wanted) << n;
  }
  const std::list<int> others{5, 6, 7};  // no array, and longs are wanted
  EXPECT_EQ(pool.map(options(), is_even, others), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(pool.map(options(), square, std::views::iota(0, 4)), (std::vector<int>{0, 1, 4, 9}));
  EXPECT_EQ(pool.map(options(), mirrored, std::vector<Point>{{1, 2}, {3, 4}}),
            (std::vector<Point>{{2, 1}, {4, 3}}));
  EXPECT_EQ(pool.map(options(), length, std::vector<std::string>{"", "a", std::string(100'000, 'x')}),
            (std::vector<std::size_t>{0, 1, 100'000}));
  EXPECT_EQ(pool.map(options(), length, std::vector<const char*>{"abc", "d"}),
            (std::vector<std::size_t>{3, 1}));
}

TEST_P(PoolChunks, pass_the_same_to_each_call) {
  brood::Pool pool(2);
  const std::vector<double> all{0.5, 1.5, 2.5};
  EXPECT_EQ(pool.map(options(), sum_at, std::vector<std::size_t>{2, 1, 0}, all),
            (std::vector<double>{2.5, 1.5, 0.5}));
  // What a call does to its arguments, or to its function, stays with it.
  EXPECT_EQ(pool.map(options(), appended, std::vector<std::size_t>(5, 1), std::vector<int>(10)),
            std::vector<std::size_t>(5, 11));
  EXPECT_EQ(pool.map(options(), Counter{7}, numbers(4)), (std::vector<int>{7, 8, 9, 10}));
}

TEST_P(PoolChunks, fail_by_the_item) {
  brood::Pool pool(2);
  brood::Queue<int> ran;
  try {
    pool.map(
        options(),
        [](int n, brood::Queue<int> told) {
          told.put(n);
          return refuses_every_tenth(n);
        },
        numbers(100), ran);
    ADD_FAILURE() << "no exception";
  } catch (const std::out_of_range& e) {
    EXPECT_STREQ(e.what(), "number 3");  // of the first item, not of the first that failed
  }
  std::multiset<int> seen;
  while (const auto n = ran.try_get()) seen.insert(*n);
  EXPECT_EQ(seen.size(), 100U);  // each of them once
  EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), 100U);
}

TEST_P(PoolChunks, lose_one_item_to_a_death) {
  const nothing_left::Memory memory;
  const auto descriptors = nothing_left::open_descriptors();
  {
    brood::Pool pool(2);
    for (const int where : {0, 37, 99}) {
      brood::Queue<int> ran;
      try {
        pool.map(options(), crashes_at, numbers(100), where, ran);
        ADD_FAILURE() << "no exception";
      } catch (const brood::WorkerDied& e) {
        EXPECT_EQ(e.signal(), SIGKILL);
        EXPECT_NE(e.task().find("crashes_at"), std::string::npos) << e.task();
        EXPECT_EQ(e.arguments().rfind(std::to_string(where) + ", " + std::to_string(where), 0), 0U)
            << e.arguments();
      }
      std::multiset<int> seen;
      while (const auto n = ran.try_get()) seen.insert(*n);
      EXPECT_EQ(seen.size(), 100U);
      EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), 100U);
    }
    EXPECT_THROW(pool.map(options(), leaves_at, numbers(50), 20), brood::WorkerDied);
    EXPECT_EQ(pool.map(options(), square, numbers(3)), (std::vector<int>{0, 1, 4}));
  }
  EXPECT_TRUE(nothing_left::soon([&] { return nothing_left::open_descriptors() <= descriptors; }));
}

TEST_P(PoolChunks, survive_many_deaths) {
  brood::Pool pool({.processes = 2, .restart_intensity = 100});
  EXPECT_THROW(pool.map(options(), kills_its_worker_first, numbers(40)), brood::WorkerDied);
  EXPECT_EQ(pool.counts().restarts, 10U);
}

TEST_P(PoolChunks, carry_queues) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::vector<brood::Queue<int>> queues(20);
  for (int i = 0; auto& queue : queues) queue.put(i++);
  auto wanted = numbers(20);
  for (int& n : wanted) ++n;
  EXPECT_EQ(pool.map(options(), put_through, queues), wanted);
  brood::Queue<int> all;
  pool.map(options(), put_into, numbers(20), all);
  EXPECT_EQ(all.qsize(), 20U);
}

TEST(PoolChunk, of_no_size_is_refused_F09) {
  brood::Pool pool(1);
  for (const int size : {0, -1}) {
    const brood::CallOptions bad{.chunksize = size};
    EXPECT_THROW(pool.map(bad, square, numbers(3)), brood::UsageError);
    EXPECT_THROW(pool.map_async(bad, square, numbers(3)), brood::UsageError);
    EXPECT_THROW(pool.imap(bad, square, numbers(3)), brood::UsageError);
  }
  EXPECT_THROW(pool.apply({.chunksize = 3}, square, 1), brood::UsageError);
}

TEST(PoolChunk, leaves_no_worker_without_work) {
  brood::Pool pool(4);
  std::map<int, int> at;
  for (const int pid : pool.map(where_it_runs, numbers(200))) ++at[pid];
  EXPECT_EQ(at.size(), 4U);
  // The first ones take no time: the chunks that were made for that do not keep the slow ones together.
  at.clear();
  const auto pids = pool.map(slow_from_the_middle, numbers(1000));
  for (std::size_t i = 500; i < pids.size(); ++i) ++at[pids[i]];
  EXPECT_EQ(at.size(), 4U);
  for (const auto& [pid, items] : at) EXPECT_LT(items, 300) << pid;
}

TEST(PoolChunk, is_one_task) {
  brood::Pool pool(2);
  pool.map({.chunksize = 10}, square, numbers(100));
  EXPECT_EQ(pool.counts().done, 10U);
  brood::Pool counting({.processes = 1, .max_tasks_per_child = 5});
  counting.map(square, numbers(100));  // there it is the item that counts
  EXPECT_EQ(counting.counts().done, 100U);
}

TEST(PoolChunk, ends_with_the_pool) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::thread ender([&] {
    std::this_thread::sleep_for(100ms);
    pool.terminate();
  });
  EXPECT_THROW(pool.map(
                   [](int) {
                     std::this_thread::sleep_for(1h);
                     return 0;
                   },
                   numbers(100)),
               brood::PoolTerminated);
  ender.join();
  EXPECT_THROW(pool.map(square, numbers(3)), brood::UsageError);
}

TEST(PoolChunk, may_be_of_a_task_of_the_pool) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const auto sum = [](int n) {
    int all = 0;
    for (const int each : brood::this_worker::pool().map(square, std::views::iota(0, n))) all += each;
    return all;
  };
  EXPECT_EQ(pool.map(sum, std::vector<int>{0, 10, 1000}), (std::vector<int>{0, 285, 332833500}));
}

TEST(PoolChunk, of_more_than_a_block_holds) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const std::vector<std::string> large(30, std::string(10 << 20, 'x'));
  EXPECT_EQ(pool.map(length, large), std::vector<std::size_t>(30, 10 << 20));
  const int n = 20'000'000;
  const auto results = pool.map(square, std::views::iota(0, n));
  ASSERT_EQ(results.size(), std::size_t{n});
  std::size_t wrong = 0;
  for (int i = 0; i < n; ++i) {
    wrong += results[static_cast<std::size_t>(i)] !=
             static_cast<int>(static_cast<unsigned>(i) * static_cast<unsigned>(i));
  }
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
