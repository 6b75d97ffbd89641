// Pool: its end. close, join, terminate, destruction, recycled workers; what is left afterwards.

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "nothing_left.hpp"
#include "run_program.hpp"

namespace {

using namespace std::chrono_literals;

int twice(int i) { return 2 * i; }
int pid() { return getpid(); }
int held(brood::Queue<int> until) { return until.get(); }

TEST(PoolEnd, closing_refuses_new_work_and_does_the_old) {  // F29 F31
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(pool.apply_async(twice, i));
  pool.close();
  pool.close();
  EXPECT_THROW(pool.apply_async(twice, 1), brood::UsageError);
  EXPECT_THROW(pool.apply(twice, 1), brood::UsageError);
  EXPECT_THROW(pool.map(twice, std::vector<int>{1}), brood::UsageError);
  EXPECT_THROW(pool.imap(twice, std::vector<int>{1}).begin(), brood::UsageError);
  pool.join();
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(futures[static_cast<std::size_t>(i)].ready());
    EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(), 2 * i);
  }
  pool.join();
  EXPECT_THROW(pool.apply_async(twice, 1), brood::UsageError);  // O18 O24
  pool.terminate();
  pool.close();
}

TEST(PoolEnd, joining_an_open_pool_is_an_error) {
  brood::Pool pool(1);
  EXPECT_THROW(pool.join(), brood::UsageError);
  EXPECT_THROW(pool.join(1s), brood::UsageError);
  EXPECT_EQ(pool.apply(twice, 1), 2);
}

TEST(PoolEnd, joining_waits_no_longer_than_asked) {  // X21
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  brood::Queue<int> queue;
  auto future = pool.apply_async(held, queue);
  pool.close();
  EXPECT_FALSE(pool.join(0s));
  EXPECT_FALSE(pool.join(-1s));
  EXPECT_FALSE(pool.join(30ms));
  queue.put(3);
  EXPECT_TRUE(pool.join(30s));
  EXPECT_EQ(future.get(), 3);
}

TEST(PoolEnd, may_be_joined_by_several_threads_at_once) {
  for (int round = 0; round < 20; ++round) {
    brood::Pool pool(2);
    auto future = pool.apply_async(twice, round);
    pool.close();
    std::atomic<int> joined{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] { joined += pool.join(30s) ? 1 : 0; });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(joined, 4);
    EXPECT_EQ(future.get(), 2 * round);
  }
}

TEST(PoolEnd, terminating_resolves_all_that_is_pending) {  // O16 F23
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::vector<brood::Future<void>> futures;
  for (int i = 0; i < 10'000; ++i) {
    futures.push_back(pool.apply_async([] {
      for (;;) pause();
    }));
  }
  pool.terminate();
  pool.terminate();
  for (auto& future : futures) EXPECT_THROW(future.get(30s), brood::PoolTerminated);
  EXPECT_TRUE(pool.join(30s));
  EXPECT_THROW(pool.apply_async(twice, 1), brood::UsageError);
  EXPECT_EQ(pool.counts().workers, 0);
}

TEST(PoolEnd, terminating_with_large_values_on_their_way_leaves_nothing) {  // X19
  const nothing_left::Memory memory;
  for (int round = 0; round < 5; ++round) {
    brood::Pool pool(2);
    std::vector<brood::Future<std::string>> futures;
    for (int i = 0; i < 20; ++i) {
      futures.push_back(pool.apply_async([](std::string s) { return s + s; }, std::string(4 << 20, 'x')));
    }
    static_cast<void>(futures[static_cast<std::size_t>(round)].get(30s));
    pool.terminate();
    for (auto& future : futures) EXPECT_TRUE(future.wait(30s));
    EXPECT_TRUE(pool.join(30s));
  }
}

TEST(PoolEnd, comes_right_after_one_task_more_than_workers) {  // F05
  for (int round = 0; round < 50; ++round) {
    brood::Pool pool(2);
    auto all = pool.map_async(twice, std::vector<int>{1, 2, 3});
    pool.close();
    EXPECT_TRUE(pool.join(30s));
    EXPECT_EQ(all.get(), (std::vector<int>{2, 4, 6}));
  }
}

TEST(PoolEnd, has_never_more_workers_than_asked_for) {  // F11
  brood::Pool pool(3);
  brood::Queue<int> queue;
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 45; ++i) futures.push_back(pool.apply_async(held, queue));
  EXPECT_EQ(pool.counts().workers, 3);
  const auto workers = [] {
    std::size_t n = 0;
    for (const int pid : nothing_left::children()) {
      std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
      std::string name;
      n += std::getline(comm, name) && name.starts_with("PoolWorker") ? 1 : 0;
    }
    return n;
  };
  EXPECT_TRUE(nothing_left::soon([&] { return workers() >= 3; }));
  EXPECT_EQ(workers(), 3U);
  for (int i = 0; i < 45; ++i) queue.put(i);
  for (auto& future : futures) future.wait();
}

TEST(PoolEnd, terminating_wakes_those_who_wait) {
  brood::Pool pool(1);
  brood::Queue<int> queue;
  auto future = pool.apply_async(held, queue);
  std::thread waiting([&] { EXPECT_THROW(future.get(30s), brood::PoolTerminated); });
  pool.terminate();
  waiting.join();
  EXPECT_TRUE(pool.join(30s));
}

TEST(PoolEnd, terminating_lets_go_what_pending_tasks_name) {
  const nothing_left::Memory memory;
  brood::Queue<int> never;
  for (const std::size_t size : {10, 10'000}) {  // arguments within the lane, and beside it
    brood::Pool pool(1);
    std::vector<brood::Future<void>> futures;
    for (int i = 0; i < 20; ++i) {
      brood::Queue<int> named;
      futures.push_back(pool.apply_async([](brood::Queue<int> q, brood::Queue<int>, std::string) { q.get(); },
                                         never, named, std::string(size, 'x')));
    }
    pool.terminate();
    for (auto& future : futures) EXPECT_THROW(future.get(30s), brood::PoolTerminated);
    EXPECT_TRUE(pool.join(30s));
  }
}

TEST(PoolEnd, a_worker_killed_after_close_costs_its_task) {  // F25
  brood::Pool pool(1);
  auto bad = pool.apply_async([] { raise(SIGKILL); });
  std::vector<brood::Future<int>> good;
  for (int i = 0; i < 20; ++i) good.push_back(pool.apply_async(twice, i));
  pool.close();
  EXPECT_TRUE(pool.join(30s));
  EXPECT_THROW(bad.get(30s), brood::WorkerDied);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(good[static_cast<std::size_t>(i)].get(), 2 * i);
}

TEST(PoolEnd, destruction_finishes_the_work) {  // F30 F35
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  {
    brood::Pool pool(2);
    for (int i = 0; i < 200; ++i) pool.apply_async([](brood::Queue<int> q, int n) { q.put(n); }, queue, i);
  }
  EXPECT_EQ(queue.qsize(), 200U);
}

TEST(PoolEnd, leaves_no_process_and_no_descriptor) {  // F35
  const nothing_left::Memory memory;
  { brood::Pool(1).apply(twice, 1); }  // what is made once
  const auto before = nothing_left::open_descriptors();
  const auto children = nothing_left::children();
  for (int round = 0; round < 3; ++round) {
    brood::Pool pool(8);
    pool.map(twice, std::vector<int>(100));
    EXPECT_TRUE(nothing_left::soon([&] { return nothing_left::children().size() == children.size() + 8; }));
    // At most two for each worker; some for the pool itself.
    EXPECT_LE(nothing_left::open_descriptors(), before + 2 * 8 + 4);
    if (round == 1) pool.terminate();
    pool.close();
    pool.join();
    EXPECT_EQ(nothing_left::children().size(), children.size());
  }
  EXPECT_EQ(nothing_left::open_descriptors(), before);
}

TEST(PoolEnd, of_workers_comes_after_their_number_of_tasks) {  // O28 F13
  const nothing_left::Memory memory;
  brood::Pool pool({.processes = 3, .max_tasks_per_child = 10});
  std::map<int, int> tasks_of;
  for (const int worker : pool.map([](int) { return getpid(); }, std::vector<int>(100))) ++tasks_of[worker];
  EXPECT_GE(tasks_of.size(), 10U);
  for (const auto& [worker, n] : tasks_of) EXPECT_LE(n, 10) << worker;
  EXPECT_EQ(pool.counts().done, 100U);
  EXPECT_EQ(pool.counts().failed, 0U);
}

TEST(PoolEnd, of_a_single_worker_comes_after_exactly_its_number_of_tasks) {  // F13
  brood::Pool pool({.processes = 1, .max_tasks_per_child = 3});
  std::vector<int> pids;
  for (int i = 0; i < 12; ++i) pids.push_back(pool.apply(pid));
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(pids[i], pids[i / 3 * 3]) << i;
  EXPECT_EQ(std::set<int>(pids.begin(), pids.end()).size(), 4U);
}

TEST(PoolEnd, comes_with_workers_of_one_task_each) {  // O29 F14 F15
  const nothing_left::Memory memory;
  std::vector<brood::Future<int>> futures;
  {
    brood::Pool pool({.processes = 2, .max_tasks_per_child = 1});
    for (int i = 0; i < 60; ++i) futures.push_back(pool.apply_async(pid));
    pool.close();
    EXPECT_TRUE(pool.join(60s));
  }
  std::set<int> pids;
  for (auto& future : futures) pids.insert(future.get(0s));
  EXPECT_EQ(pids.size(), 60U);
}

TEST(PoolEnd, is_waited_for_by_threads_that_still_submit) {  // X13 F34
  brood::Pool pool(2);
  std::atomic<int> refused{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  brood::Queue<int> begun;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      try {
        for (int i = 0;; ++i) {
          if (pool.apply(twice, i) != 2 * i) ++wrong;
          if (i == 20) begun.put(1);
        }
      } catch (const brood::UsageError&) {
        ++refused;
      }
    });
  }
  for (int t = 0; t < 3; ++t) begun.get(30s);
  pool.close();
  EXPECT_TRUE(pool.join(30s));
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(wrong, 0);
}

// ---- whole programs ----

TEST(PoolProgram, with_a_pool_in_a_global_ends_cleanly) {  // O31 F30
  const auto ran = run_program::run({"pool_program", "global"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "84\nworked\n");
  EXPECT_EQ(ran.err, "");
}

TEST(PoolProgram, tells_failures_that_nobody_saw_once) {
  const auto ran = run_program::run({"pool_program", "unseen"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "ended\n");
  const auto first = ran.err.find("nobody looked");
  EXPECT_NE(first, std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("nobody looked", first + 1), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("unseen failure"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("seen failure that was looked at"), std::string::npos) << ran.err;
}

TEST(PoolProgram, runs_all_in_the_caller_when_inline) {
  setenv("BROOD_INLINE", "1", 1);
  const auto ran = run_program::run({"pool_program", "inline"});
  unsetenv("BROOD_INLINE");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "here\n6\n1 4 9\n1 4 9\nasked for\ncallback 2\nall: 9\nall: 9\nnested 10 in 0\nclosed: "
            "UsageError\nno worker: "
            "UsageError\njoined\n");
}

TEST(PoolProgram, whose_initializer_throws_is_broken_inline_as_with_workers) {
  for (const char* inline_or_not : {"0", "1"}) {
    setenv("BROOD_INLINE", inline_or_not, 1);
    const auto ran = run_program::run({"pool_program", "broken"});
    unsetenv("BROOD_INLINE");
    EXPECT_EQ(ran.code, 0) << ran.err;
    const std::string one = "the pool cannot run: its initializer threw std::runtime_error: no model\n";
    EXPECT_EQ(ran.out, one + one + "joined\n") << inline_or_not << ran.err;
  }
}

TEST(PoolProgram, counts_what_threads_run_inline) {
  setenv("BROOD_INLINE", "1", 1);
  const auto ran = run_program::run({"pool_program", "threads", "20000"});
  unsetenv("BROOD_INLINE");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "done 80000 failed 80000\n") << ran.err;
}

TEST(PoolProgram, that_is_terminated_in_the_middle_leaves_no_worker) {  // O18 X07
  run_program::Program program({"pool_program", "busy"});
  const int worker = std::stoi(program.line());
  program.kill(SIGKILL);
  EXPECT_EQ(program.wait(), -SIGKILL);
  EXPECT_TRUE(nothing_left::soon([&] { return kill(worker, 0) != 0; }));
}

}  // namespace
