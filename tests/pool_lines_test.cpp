// Tasks that wait: by priority, for the worker of their key, and how many of them there may be.

#include <unistd.h>

#include <atomic>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <brood/wait.hpp>
#include <csignal>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "nothing_left.hpp"

namespace pool_lines {

using namespace std::chrono_literals;

void await(brood::Queue<int> gate) { gate.get(); }
int note(int x, brood::Queue<int> order) {
  order.put(x);
  return x;
}
pid_t who(int) { return getpid(); }
pid_t who_slowly(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  return getpid();
}
int nothing(int x) { return x; }
void crash() { raise(SIGKILL); }

}  // namespace pool_lines

namespace {

using namespace pool_lines;
using brood::CallOptions;

TEST(PoolLines, higher_priorities_come_first) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  brood::Queue<int> gate, order;
  std::vector<brood::Future<void>> held;
  for (int i = 0; i < 2; ++i) held.push_back(pool.apply_async(await, gate));  // its lane is full now
  std::vector<brood::Future<int>> futures;
  for (const int p : {0, -1, 5, 0, 7, 5, -1}) {
    CallOptions options;
    options.priority = p;
    const int nth = static_cast<int>(futures.size());
    futures.push_back(pool.apply_async(options, note, 10 * p + nth, order));
  }
  EXPECT_EQ(pool.counts().queued, 8U);
  futures.push_back(pool.apply_async(note, 7, order));  // without options: as 0
  for (int i = 0; i < 2; ++i) gate.put(i);
  for (auto& future : futures) future.get();
  std::vector<int> seen;
  while (auto x = order.try_get()) seen.push_back(*x);
  EXPECT_EQ(seen, (std::vector<int>{74, 52, 55, 0, 3, 7, -9, -4}));
}

TEST(PoolLines, all_lines_end_with_the_pool) {
  brood::Pool pool(1);
  brood::Queue<int> gate;
  std::vector<brood::Future<void>> futures;
  for (int i = 0; i < 3; ++i) futures.push_back(pool.apply_async(await, gate));
  for (const int p : {-1, 1}) {
    CallOptions options;
    options.priority = p;
    futures.push_back(pool.apply_async(options, await, gate));
  }
  futures.push_back(pool.apply_async({.key = "x"}, await, gate));
  EXPECT_TRUE(futures[3].cancel());
  EXPECT_TRUE(futures[5].cancel());
  EXPECT_THROW(futures[5].get(), brood::Cancelled);
  EXPECT_EQ(pool.counts().queued, 3U);
  pool.terminate();
  EXPECT_THROW(futures[3].get(), brood::Cancelled);
  EXPECT_THROW(futures[4].get(), brood::PoolTerminated);
  pool.join();
}

TEST(PoolLines, a_key_has_its_worker) {
  const nothing_left::Memory memory;
  brood::Pool pool(3);
  std::map<std::string, std::set<pid_t>> seen;
  std::vector<std::pair<std::string, brood::Future<pid_t>>> futures;
  for (int i = 0; i < 300; ++i) {
    const std::string key(1, static_cast<char>('a' + i % 10));
    futures.emplace_back(key, pool.apply_async({.key = key}, who_slowly, i % 7 == 0));
    if (i % 3 == 0) futures.emplace_back("", pool.apply_async(who, i));
  }
  for (auto& [key, future] : futures) seen[key].insert(future.get());
  for (const auto& [key, pids] : seen) {
    EXPECT_TRUE(key.empty() || pids.size() == 1) << key;
  }
  std::set<pid_t> all;
  for (const auto& [key, pids] : seen) all.insert(pids.begin(), pids.end());
  EXPECT_EQ(all.size(), 3U);
}

// In the order of their submission, also when their worker dies among them.
TEST(PoolLines, a_key_goes_to_who_follows) {
  brood::Pool pool(2);
  brood::Queue<int> order;
  const pid_t before = pool.apply({.key = "k"}, who, 0);
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(pool.apply_async({.key = "k"}, note, i, order));
  auto dies = pool.apply_async({.key = "k"}, crash);
  for (int i = 50; i < 100; ++i) futures.push_back(pool.apply_async({.key = "k"}, note, i, order));
  EXPECT_THROW(dies.get(), brood::WorkerDied);
  for (auto& future : futures) future.get();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order.get(), i);
  const pid_t after = pool.apply({.key = "k"}, who, 0);
  EXPECT_NE(before, after);
  for (const pid_t pid : pool.map({.key = "k"}, who, std::vector<int>(20))) EXPECT_EQ(pid, after);
}

// A submission that finds another thread at the pool's books is taken in later, but before the ones after it.
TEST(PoolLines, tasks_of_a_thread_keep_their_order_beside_a_thread_that_looks_at_the_pool) {
  for (const auto& options : {CallOptions{.key = "k"}, CallOptions{.priority = 1}}) {
    brood::Pool pool(1);
    brood::Queue<int> order;
    std::jthread looks([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) std::ignore = pool.counts();
    });
    std::vector<brood::Future<int>> futures;
    for (int i = 0; i < 10'000; ++i) futures.push_back(pool.apply_async(options, note, i, order));
    for (auto& future : futures) future.get();
    for (int i = 0; i < 10'000; ++i) ASSERT_EQ(order.get(), i);
  }
}

TEST(PoolLines, what_is_bound_stays_when_others_are_idle) {
  brood::Pool pool(2);
  std::set<pid_t> seen;
  std::vector<brood::Future<pid_t>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(pool.apply_async({.key = "k"}, who_slowly, 3));
  for (auto& future : futures) seen.insert(future.get());
  EXPECT_EQ(seen.size(), 1U);
}

TEST(PoolLines, who_submits_too_much_waits) {
  const nothing_left::Memory memory;
  brood::Pool pool({.processes = 2, .max_pending = 5});
  brood::Queue<int> gate;
  std::atomic<int> submitted{0};
  std::thread producer([&] {
    for (int i = 0; i < 40; ++i) {
      pool.apply_async(await, gate);
      ++submitted;
    }
  });
  ASSERT_TRUE(nothing_left::soon([&] { return submitted == 5; }));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(submitted, 5);
  for (int i = 0; i < 40; ++i) {
    gate.put(i);
    const auto n = pool.counts();
    EXPECT_LE(n.queued + n.running, 5U);
  }
  producer.join();
  pool.close();
  pool.join();
  EXPECT_EQ(pool.counts().done, 40U);
}

TEST(PoolLines, many_may_wait_to_submit) {
  brood::Pool pool({.processes = 2, .max_pending = 3});
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<brood::Future<int>> futures;
      for (int i = 0; i < 200; ++i) futures.push_back(pool.apply_async(nothing, 1));
      for (auto& future : futures) sum += future.get();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sum, 800);
  EXPECT_EQ(pool.map(nothing, std::vector<int>(1000, 2)).size(), 1000U);
}

TEST(PoolLines, the_end_of_the_pool_ends_the_wait_to_submit) {
  brood::Pool pool({.processes = 1, .max_pending = 1});
  brood::Queue<int> gate;
  pool.apply_async(await, gate);
  std::thread ends([&] {
    std::this_thread::sleep_for(20ms);
    pool.terminate();
  });
  EXPECT_THROW(pool.apply_async(await, gate), brood::UsageError);
  ends.join();
  EXPECT_THROW(brood::Pool({.max_pending = 0}), brood::UsageError);
}

TEST(PoolLines, tasks_of_a_worker_never_wait_to_submit) {
  brood::Pool pool({.processes = 1, .max_pending = 1});
  EXPECT_EQ(pool.apply([] {
    std::vector<brood::Future<int>> futures;
    for (int i = 0; i < 20; ++i) futures.push_back(brood::this_worker::pool().apply_async(nothing, 1));
    int sum = 0;
    for (auto& future : futures) sum += future.get();
    return sum;
  }),
            20);
}

}  // namespace
