// Deadlines, cancelling, another run, recycling: what must end ends, and no other task notices.

#include <unistd.h>

#include <atomic>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <fstream>
#include <ranges>
#include <thread>

#include "nothing_left.hpp"
#include "what_it_threw.hpp"

namespace pool_limits {

int twice(int i) { return 2 * i; }

/// Never listens.
int spin_for_ever() {
  for (std::atomic<int> i = 0;; ++i) {
  }
}

/// Says that it runs, then waits to be asked to stop.
int wait_to_stop(brood::Queue<int> began) {
  began.put(getpid());
  return brood::this_worker::stop_token().wait_for(std::chrono::seconds(60)) ? 1 : 0;
}
int deaf(brood::Queue<int> began) {
  began.put(getpid());
  signal(SIGTERM, SIG_IGN);
  return spin_for_ever();
}

/// With a program of its own beside it.
int deaf_with_child(brood::Queue<int> began) {
  const int child = fork();
  if (child == 0) {
    execlp("sleep", "sleep", "300", nullptr);
    _exit(1);
  }
  began.put(child);
  return spin_for_ever();
}

int until_told(brood::Queue<int> go) { return go.get(); }

int dies_when_told(brood::Queue<int> runs, int times) {
  const int n = runs.get();
  runs.put(n + 1);
  if (n < times) raise(SIGKILL);
  return n;
}
std::string dies_once_with(std::string text, brood::Queue<int> runs) {
  const int n = runs.get();
  runs.put(n + 1);
  if (n == 0) raise(SIGKILL);
  return text;
}

int pid_of(int) { return getpid(); }

std::size_t leak(std::size_t bytes) {
  static std::vector<char>* volatile lost;  // volatile: it must really be taken
  lost = new std::vector<char>(bytes, 'x');
  return lost->size();
}

}  // namespace pool_limits

namespace {

using namespace pool_limits;
using namespace std::chrono_literals;
using what_it_threw::text_of;

bool gone(int pid) {
  return nothing_left::soon([&] { return kill(pid, 0) != 0; });
}

TEST(PoolDeadline, ends_a_task_that_does_not_listen_with_all_that_it_started) {  // R8
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> began;
  auto late = pool.apply_async({.deadline = 200ms, .grace = 50ms}, deaf_with_child, began);
  const int child = began.get(30s);
  std::vector<brood::Future<int>> others;
  for (int i = 0; i < 500; ++i) others.push_back(pool.apply_async(twice, i));
  const auto text = text_of<brood::DeadlineExceeded>([&] { late.get(30s); });
  EXPECT_NE(text.find("deaf_with_child"), std::string::npos) << text;
  EXPECT_NE(text.find("ended with its process"), std::string::npos) << text;
  for (int i = 0; i < 500; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(30s), 2 * i);
  EXPECT_TRUE(gone(child));
  EXPECT_TRUE(nothing_left::soon([&] { return pool.counts().workers == 2; }));
  EXPECT_EQ(pool.counts().failed, 1U);
}

TEST(PoolDeadline, asks_first_and_a_task_that_listens_keeps_its_worker) {
  brood::Pool pool(1);
  brood::Queue<int> began;
  auto late = pool.apply_async({.deadline = 50ms, .grace = 60s}, wait_to_stop, began);
  const int worker = began.get(30s);
  const auto text = text_of<brood::DeadlineExceeded>([&] { late.get(30s); });
  EXPECT_NE(text.find("stopped when it was asked to"), std::string::npos) << text;
  EXPECT_EQ(pool.apply(pid_of, 0), worker);
  EXPECT_EQ(pool.counts().restarts, 0U);
}

TEST(PoolDeadline, of_a_task_that_has_not_begun_means_that_it_never_does) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  brood::Queue<int> go, ran;
  auto first = pool.apply_async(until_told, go);
  std::vector<brood::Future<int>> late;
  // Some of them behind the first in its worker's lane, the others in line.
  for (int i = 0; i < 300; ++i) late.push_back(pool.apply_async({.deadline = 30ms}, wait_to_stop, ran));
  auto text = text_of<brood::DeadlineExceeded>([&] { late.back().get(30s); });
  EXPECT_NE(text.find("had not begun"), std::string::npos) << text;
  for (auto& each : late) EXPECT_THROW(each.get(30s), brood::DeadlineExceeded);
  EXPECT_EQ(pool.counts().queued, 0U);
  go.put(7);
  EXPECT_EQ(first.get(30s), 7);
  EXPECT_EQ(pool.apply(twice, 4), 8);
  EXPECT_EQ(ran.qsize(), 0);
}

TEST(PoolDeadline, that_is_kept_is_not_noticed) {
  brood::Pool pool(2);
  EXPECT_EQ(pool.apply({.deadline = 60s, .name = "mine"}, twice, 2), 4);
  EXPECT_EQ(pool.map({.deadline = 60s, .time_limit = 30s}, twice, std::vector{1, 2, 3}),
            (std::vector{2, 4, 6}));
  int sum = 0;
  for (const int n : pool.imap_unordered({.time_limit = 30s}, twice, std::views::iota(0, 100))) sum += n;
  EXPECT_EQ(sum, 9900);
  EXPECT_THROW(pool.apply({.deadline = 0s}, twice, 2), brood::DeadlineExceeded);
  EXPECT_THROW(pool.apply({.deadline = -1s}, twice, 2), brood::DeadlineExceeded);
  EXPECT_EQ(pool.apply({.deadline = std::chrono::nanoseconds::max()}, twice, 2), 4);
}

TEST(PoolTimeLimit, counts_from_the_begin_of_each_task) {
  brood::Pool pool(1);
  auto spins = [](int i) { return i % 3 == 1 ? spin_for_ever() : i; };
  auto futures = pool.map_async({.time_limit = 100ms, .grace = 10ms}, spins, std::views::iota(0, 6));
  for (int i = 0; i < 6; ++i) {
    auto& future = futures.futures()[static_cast<std::size_t>(i)];
    if (i % 3 == 1) {
      EXPECT_NE(text_of<brood::DeadlineExceeded>([&] { future.get(30s); }).find("spins") == std::string::npos,
                false);
    } else {
      EXPECT_EQ(future.get(30s), i);
    }
  }
  EXPECT_EQ(pool.counts().restarts, 2U);
}

TEST(PoolCancel, before_it_has_begun_is_for_good) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  brood::Queue<int> go;
  auto first = pool.apply_async(until_told, go);
  std::vector<brood::Future<int>> others;
  for (int i = 0; i < 400; ++i) others.push_back(pool.apply_async(twice, i));
  std::atomic<int> called{0};
  others[1].add_done_callback(
      [&](auto outcome) { called += !outcome && outcome.error().type() == "brood::Cancelled"; });
  others[399].add_done_callback(
      [&](auto outcome) { called += !outcome && outcome.error().type() == "brood::Cancelled"; });
  for (std::size_t i = 1; i < 400; i += 2) EXPECT_TRUE(others[i].cancel()) << i;
  for (std::size_t i = 1; i < 400; i += 2) {
    EXPECT_TRUE(others[i].ready());
    EXPECT_FALSE(others[i].cancel());
    EXPECT_THROW(others[i].get(), brood::Cancelled);
  }
  EXPECT_TRUE(nothing_left::soon([&] { return called == 2; }));  // at once, not at its turn
  go.put(7);
  EXPECT_EQ(first.get(30s), 7);
  for (std::size_t i = 0; i < 400; i += 2) EXPECT_EQ(others[i].get(30s), 2 * static_cast<int>(i));
  EXPECT_FALSE(first.cancel());
  EXPECT_FALSE(first.cancel(brood::CancelMode::kill));
  EXPECT_EQ(pool.counts().done, 201U);
  EXPECT_EQ(pool.counts().failed, 200U);
}

TEST(PoolCancel, asks_a_task_that_runs) {
  brood::Pool pool(1);
  brood::Queue<int> began;
  auto future = pool.apply_async(wait_to_stop, began);
  began.get(30s);
  EXPECT_FALSE(future.cancel());
  EXPECT_EQ(future.get(30s), 1);  // what it returns counts
  // The next task is not meant.
  auto next = pool.apply_async([] { return brood::this_worker::stop_token().stop_requested(); });
  EXPECT_FALSE(next.get(30s));
}

TEST(PoolCancel, by_force_ends_the_process_and_nobody_else_notices) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> began;
  for (int round = 0; round < 5; ++round) {
    auto future = pool.apply_async(deaf, began);
    std::vector<brood::Future<int>> others;
    const int worker = began.get(30s);
    for (int i = 0; i < 200; ++i) others.push_back(pool.apply_async(twice, i));
    EXPECT_TRUE(future.cancel(brood::CancelMode::kill));
    EXPECT_THROW(future.get(30s), brood::Cancelled);
    EXPECT_TRUE(gone(worker));
    for (int i = 0; i < 200; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(30s), 2 * i);
  }
  EXPECT_EQ(pool.counts().failed, 5U);
}

// Cancelling by force at every moment of a task's life: it is Cancelled or has its value, and its neighbours
// have theirs.
TEST(PoolCancel, by_force_at_any_moment) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  int cancelled = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<brood::Future<int>> all;
    for (int i = 0; i < 20; ++i) all.push_back(pool.apply_async(twice, i));
    for (volatile int spin = round * 20; spin > 0;) spin = spin - 1;
    const bool sure = all[10].cancel(brood::CancelMode::kill);
    for (int i = 0; i < 20; ++i) {
      auto outcome = all[static_cast<std::size_t>(i)].outcome();
      if (i == 10) {
        EXPECT_EQ(sure, !outcome);
        cancelled += sure;
      } else {
        ASSERT_TRUE(outcome) << outcome.error().what();
        EXPECT_EQ(*outcome, 2 * i);
      }
    }
  }
  std::printf("%d of 200 were cancelled in time\n", cancelled);
}

TEST(PoolCancel, from_inside_a_task) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);  // the outer task does not wait for the inner one in a way that the pool could see
  auto outer = pool.apply_async(
      [](brood::Queue<int> began) {
        auto inner = brood::this_worker::pool().apply_async({.name = "inner"}, deaf, began);
        began.get(30s);
        static_cast<void>(inner.cancel(brood::CancelMode::kill));
        try {
          inner.get(30s);
          return std::string("no exception");
        } catch (const brood::Cancelled& e) {
          return std::string(e.what());
        }
      },
      brood::Queue<int>());
  const auto text = outer.get(30s);
  EXPECT_NE(text.find("inner was cancelled while it ran"), std::string::npos) << text;
  auto limited = pool.apply_async([] {
    try {
      brood::this_worker::pool().apply({.time_limit = 50ms, .grace = 0ms}, spin_for_ever);
      return std::string("no exception");
    } catch (const brood::DeadlineExceeded& e) {
      return std::string(e.what());
    }
  });
  EXPECT_NE(limited.get(30s).find("time limit of 50 ms"), std::string::npos);
}

TEST(PoolIdempotent, runs_again_after_a_death) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (const int deaths : {0, 1, 2}) {
    brood::Queue<int> runs;
    runs.put(0);
    EXPECT_EQ(pool.apply({.idempotent = true}, dies_when_told, runs, deaths), deaths);
    EXPECT_EQ(runs.get(), deaths + 1);
  }
  EXPECT_EQ(pool.counts().reruns, 3U);
  brood::Queue<int> runs;
  runs.put(0);
  const auto text = text_of<brood::WorkerDied>(
      [&] { pool.apply({.idempotent = true, .retries = 4}, dies_when_told, runs, 100); });
  EXPECT_NE(text.find("(run 5)"), std::string::npos) << text;
  EXPECT_EQ(runs.get(), 5);
  brood::Queue<int> once;
  once.put(0);
  EXPECT_THROW(pool.apply({.idempotent = true, .retries = 0}, dies_when_told, once, 1), brood::WorkerDied);
  EXPECT_EQ(once.get(), 1);
}

TEST(PoolIdempotent, has_its_arguments_as_they_were) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  for (const std::size_t size : {0, 10, 150, 5000, 3'000'000}) {
    brood::Queue<int> runs;
    runs.put(0);
    const std::string text(size, 'q');
    EXPECT_EQ(pool.apply({.idempotent = true}, dies_once_with, text, runs), text);
    EXPECT_EQ(runs.get(), 2);
  }
}

TEST(PoolIdempotent, is_asked_for_consistently) {
  brood::Pool pool(1);
  EXPECT_THROW(pool.apply({.retries = 1}, twice, 1), brood::UsageError);
  EXPECT_THROW(pool.apply({.idempotent = true, .retries = -1}, twice, 1), brood::UsageError);
  EXPECT_THROW(pool.apply({.memory_limit = 0}, twice, 1), brood::UsageError);
  EXPECT_THROW(brood::Pool({.memory_limit = 0}), brood::UsageError);
  EXPECT_THROW(brood::Pool({.max_worker_age = 0s}), brood::UsageError);
  EXPECT_THROW(brood::Pool({.restart_intensity = -1}), brood::UsageError);
  EXPECT_THROW(brood::Pool({.restart_period = 0s}), brood::UsageError);
}

#if !defined(__SANITIZE_ADDRESS__)  // which holds what was freed
TEST(PoolRecycling, by_memory) {
  constexpr std::size_t part = 20 << 20;
  brood::Pool pool({.processes = 1, .max_worker_memory = 100 << 20});
  std::vector<int> pids;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(pool.apply(leak, part), part);
    const int pid = pool.apply(pid_of, 0);
    if (pids.empty() || pids.back() != pid) pids.push_back(pid);
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_GE(pids.size(), 3U);
  EXPECT_LE(pids.size(), 10U);
  EXPECT_EQ(pool.counts().restarts, 0U);  // nobody died
}
#endif

TEST(PoolRecycling, by_age) {
  brood::Pool pool({.processes = 1, .max_worker_age = 30ms});
  std::vector<int> pids;
  ASSERT_TRUE(nothing_left::soon([&] {
    const int pid = pool.apply(pid_of, 0);
    if (pids.empty() || pids.back() != pid) pids.push_back(pid);
    return pids.size() >= 4;
  }));
  EXPECT_EQ(pool.counts().restarts, 0U);
  EXPECT_EQ(pool.counts().failed, 0U);
}

}  // namespace
