// Pool: workers that die. Each death costs the task that the worker was running and nothing else.

#include <sys/resource.h>

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "nothing_left.hpp"

namespace pool_death {

int twice(int i) { return 2 * i; }
int pid() { return getpid(); }

/// Ends as one of the ways below, or returns.
enum class Way {
  none,
  sigkill,
  sigsegv,
  abort,
  sigterm,
  exit_0,
  exit_3,
  quick_exit,
  overflow,
  smash,
  last_words
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
[[gnu::noinline]] int overflow_the_stack(volatile int* from) {
  volatile int here[1000];
  here[0] = *from;
  return overflow_the_stack(here) + here[0];
}
#pragma GCC diagnostic pop

// Writes over its own frame and those above, the return addresses too.
#if defined(__SANITIZE_ADDRESS__)
[[gnu::no_sanitize("undefined", "address")]]
#endif
[[gnu::noinline]] int
smash_the_stack(volatile int* from) {
  volatile char here[16];
  volatile char* at = here;
  for (int i = 0; i < 400; ++i) at[i] = static_cast<char>(0xff);
  return at[3] + *from;
}

// What is tested is the signal, not what a sanitizer thinks of it.
#if defined(__SANITIZE_ADDRESS__)
[[gnu::no_sanitize("undefined", "address")]]
#endif
int read_nowhere() {
  return *static_cast<volatile int*>(nullptr);
}

int end_by(Way way) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  volatile int zero = 0;
  switch (way) {
    case Way::none:
      return 1;
    case Way::sigkill:
      return raise(SIGKILL);
    case Way::sigsegv:
      return read_nowhere();
    case Way::abort:
      std::abort();
    case Way::sigterm:
      return raise(SIGTERM);
    case Way::exit_0:
      _exit(0);
    case Way::exit_3:
      std::exit(3);
    case Way::quick_exit:
      std::quick_exit(4);
    case Way::overflow:
      return overflow_the_stack(&zero);
    case Way::smash:
      return smash_the_stack(&zero);
    case Way::last_words:
      std::fprintf(stderr, "these are\nmy last words\n");
      _exit(5);
  }
  return 0;
}

}  // namespace pool_death

namespace {

using namespace pool_death;
using namespace std::chrono_literals;

struct Death {
  const char* name;
  Way way;
  int signal, exit_code;
};
void PrintTo(const Death& death, std::ostream* out) { *out << death.name; }

class PoolDeath : public testing::TestWithParam<Death> {};
INSTANTIATE_TEST_SUITE_P(
    by, PoolDeath,
    testing::Values(Death{"sigkill", Way::sigkill, SIGKILL, -1}, Death{"sigsegv", Way::sigsegv, SIGSEGV, -1},
                    Death{"abort", Way::abort, SIGABRT, -1}, Death{"sigterm", Way::sigterm, SIGTERM, -1},
                    Death{"exit_0", Way::exit_0, 0, 0}, Death{"exit_3", Way::exit_3, 0, 3},
                    Death{"quick_exit", Way::quick_exit, 0, 4}, Death{"overflow", Way::overflow, SIGSEGV, -1},
                    Death{"smash", Way::smash, SIGSEGV, -1}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(PoolDeath, costs_one_task) {  // F08 F20 F24
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (int round = 0; round < 3; ++round) {
    std::vector<brood::Future<int>> good;
    for (int i = 0; i < 20; ++i) good.push_back(pool.apply_async(twice, i));
    auto bad = pool.apply_async(end_by, GetParam().way);
    for (int i = 20; i < 60; ++i) good.push_back(pool.apply_async(twice, i));
    try {
      bad.get(30s);
      ADD_FAILURE();
    } catch (const brood::WorkerDied& e) {
      EXPECT_EQ(e.signal(), GetParam().signal);
      EXPECT_EQ(e.exit_code(), GetParam().exit_code);
      EXPECT_GT(e.pid(), 0);
      EXPECT_NE(e.task().find("end_by"), std::string::npos) << e.task();
      EXPECT_NE(std::string(e.what()).find("end_by"), std::string::npos) << e.what();
#if !defined(__SANITIZE_ADDRESS__)
      // A smashed stack may lead nowhere.
      const bool crash = e.signal() == SIGSEGV || e.signal() == SIGABRT;
      EXPECT_TRUE(GetParam().way == Way::smash || crash != e.stack().empty()) << e.stack();
      if (crash && GetParam().way != Way::smash) {
        const char* function = GetParam().way == Way::overflow ? "overflow_the_stack" : "pool_death::";
        EXPECT_NE(e.stack().find(function), std::string::npos) << e.stack();
      }
#endif
    }
    for (int i = 0; i < 60; ++i) EXPECT_EQ(good[static_cast<std::size_t>(i)].get(30s), 2 * i);
  }
  EXPECT_TRUE(nothing_left::soon([&] { return pool.counts().workers == 2; }));
  EXPECT_EQ(pool.counts().failed, 3U);
  EXPECT_EQ(pool.counts().restarts, 3U);
  EXPECT_EQ(pool.apply(twice, 1), 2);
}

TEST(PoolDeathOf, a_worker_keeps_its_last_words) {  // R14
  brood::Pool pool(1);
  try {
    pool.apply(end_by, Way::last_words);
    ADD_FAILURE();
  } catch (const brood::WorkerDied& e) {
    EXPECT_EQ(e.exit_code(), 5);
    EXPECT_NE(e.last_lines().find("these are\nmy last words"), std::string::npos) << e.last_lines();
    EXPECT_NE(std::string(e.what()).find("my last words"), std::string::npos);
  }
}

TEST(PoolDeathOf, an_idle_worker_costs_nothing) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (int round = 0; round < 10; ++round) {
    const int victim = pool.apply(pid);
    kill(victim, SIGKILL);
    // The next task may still be given to the dying one, but then it was not begun.
    for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.apply_async(twice, i).get(30s), 2 * i);
    EXPECT_TRUE(nothing_left::soon([&] {
      const auto counts = pool.counts();
      return counts.workers == 2 && counts.restarts == static_cast<std::uint64_t>(round + 1);
    })) << round;
  }
  EXPECT_EQ(pool.counts().failed, 0U);
}

TEST(PoolDeathOf, a_stopped_worker_is_noticed) {
  brood::Pool pool(1);
  brood::Queue<int> begun;
  auto future = pool.apply_async(
      [](brood::Queue<int> b) {
        b.put(getpid());
        for (;;) pause();
      },
      begun);
  const int victim = begun.get(15s);
  kill(victim, SIGSTOP);
  EXPECT_FALSE(future.wait(50ms));  // slow is not dead
  kill(victim, SIGKILL);
  EXPECT_THROW(future.get(30s), brood::WorkerDied);
  EXPECT_EQ(pool.apply_async(twice, 1).get(30s), 2);
}

TEST(PoolDeathOf, all_workers_again_and_again_leaves_each_task_done_once_or_failed) {  // X01
  const nothing_left::Memory memory;
  constexpr int tasks = 2000;
  brood::Queue<std::pair<int, int>> begun;  // task and pid
  std::map<int, int> times;
  int died = 0;
  int killed = 0;
  {
    brood::Pool pool(3);
    std::vector<brood::Future<int>> futures;
    for (int i = 0; i < tasks; ++i) {
      futures.push_back(pool.apply_async(
          [](brood::Queue<std::pair<int, int>> q, int n) {
            q.put({n, getpid()});
            volatile unsigned work = 0;
            for (int k = 0; k < 100'000; ++k) work = work + k;
            return n;
          },
          begun, i));
    }
    const unsigned seed = std::random_device{}();
    std::printf("seed %u\n", seed);
    std::mt19937 random(seed);
    std::set<int> dead;
    std::atomic<bool> done{false};
    std::thread killer([&] {
      while (!done) {
        const auto next = begun.try_get_for(10ms);
        if (!next) continue;
        ++times[next->first];
        if (random() % 20 == 0 && dead.insert(next->second).second) {
          kill(next->second, SIGKILL);
          ++killed;
        }
      }
    });
    for (int i = 0; i < tasks; ++i) {
      try {
        EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(60s), i);
      } catch (const brood::WorkerDied& e) {
        ++died;
        EXPECT_EQ(e.signal(), SIGKILL);
      } catch (const std::exception& e) {
        ADD_FAILURE() << i << ": " << e.what();
      }
    }
    done = true;
    killer.join();
    EXPECT_EQ(pool.counts().failed, static_cast<std::uint64_t>(died));
  }
  while (const auto next = begun.try_get()) ++times[next->first];
  for (const auto& [task, n] : times) EXPECT_EQ(n, 1) << task;
  std::printf("%d killed, %d tasks failed\n", killed, died);
  EXPECT_LE(died, killed);
  EXPECT_GT(killed, 0);
}

TEST(PoolDeathOf, a_worker_gives_back_what_its_tasks_named) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  for (int round = 0; round < 3; ++round) {
    brood::Queue<std::string> queue;
    queue.put(std::string(100'000, 'x'));
    std::vector<brood::Future<void>> futures;
    for (int i = 0; i < 5; ++i) {
      futures.push_back(pool.apply_async(
          [](brood::Queue<std::string>, int n, std::string) {
            if (n == 0) raise(SIGKILL);
          },
          queue, i, std::string(i % 2 == 0 ? 10 : 10'000, 'y')));
    }
    EXPECT_THROW(futures[0].get(30s), brood::WorkerDied);
    for (int i = 1; i < 5; ++i) EXPECT_NO_THROW(futures[static_cast<std::size_t>(i)].get(30s));
  }
}

TEST(PoolDeathOf, a_worker_after_its_last_task_harms_nobody) {  // X02
  const nothing_left::Memory memory;
  for (int round = 0; round < 5; ++round) {
    brood::Pool pool(2);
    std::vector<brood::Future<int>> futures;
    for (int i = 0; i < 20; ++i) {
      futures.push_back(pool.apply_async(
          [](int n) {
            brood::at_exit([] { raise(SIGSEGV); });
            return n;
          },
          i));
    }
    pool.close();
    EXPECT_TRUE(pool.join(30s));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(), i);
  }
}

// ---- births ----

TEST(PoolBirth, that_fails_in_the_initializer_breaks_the_pool_for_all_who_wait) {  // F36
  const nothing_left::Memory memory;
  brood::Queue<int> starts;
  {
    brood::Pool pool(
        2,
        [](brood::Queue<int> q) {
          q.put(getpid());
          throw std::runtime_error("no licence");
        },
        starts);
    std::vector<brood::Future<int>> futures;
    try {
      for (int i = 0; i < 100; ++i) futures.push_back(pool.apply_async(twice, i));
    } catch (const brood::PoolBroken&) {
    }
    for (auto& future : futures) {
      try {
        future.get(30s);
        ADD_FAILURE();
      } catch (const brood::PoolBroken& e) {
        EXPECT_NE(std::string(e.what()).find("no licence"), std::string::npos) << e.what();
      }
    }
    EXPECT_TRUE(nothing_left::soon([&] { return pool.counts().workers == 0; }));
    EXPECT_THROW(pool.apply_async(twice, 1), brood::PoolBroken);
    EXPECT_THROW(pool.apply(twice, 1), brood::PoolBroken);
    EXPECT_THROW(pool.map(twice, std::vector<int>{1}), brood::PoolBroken);
  }
  EXPECT_LE(starts.qsize(), 4U);
}

TEST(PoolBirth, of_workers_that_die_at_once_breaks_the_pool) {  // F17
  const nothing_left::Memory memory;
  brood::Queue<int> starts;
  {
    brood::Pool pool(
        2,
        [](brood::Queue<int> q) {
          q.put(getpid());
          std::fprintf(stderr, "a library said no\n");
          _exit(9);
        },
        starts);
    try {
      pool.apply_async(twice, 1).get(30s);
      ADD_FAILURE();
    } catch (const brood::PoolBroken& e) {
      EXPECT_NE(std::string(e.what()).find("a library said no"), std::string::npos) << e.what();
    }
  }
  EXPECT_LE(starts.qsize(), 20U);
}

// The pool breaks while one worker still lives; then that one dies as well, with tasks behind the running
// one.
TEST(PoolBirth, that_fails_leaves_no_task_behind_when_the_last_worker_dies) {
  brood::Queue<int> may_fail;
  brood::Queue<int> may_die;
  brood::Queue<int> up;
  brood::Pool pool(
      2,
      [](brood::Queue<int> u, brood::Queue<int> f) {
        u.put(1);
        if (brood::this_worker::index() == 1) {
          f.get();
          throw std::runtime_error("no licence");
        }
      },
      up, may_fail);
  up.get(15s);
  up.get(15s);
  std::vector<brood::Future<void>> futures;
  for (int i = 0; i < 6; ++i) {
    futures.push_back(pool.apply_async(
        [](brood::Queue<int> q) {
          q.get();
          raise(SIGKILL);
        },
        may_die));
  }
  may_fail.put(1);
  EXPECT_TRUE(nothing_left::soon([&] {
    try {
      pool.apply_async([] {});
      return false;
    } catch (const brood::PoolBroken&) {
      return true;
    }
  }));
  for (int i = 0; i < 10; ++i) may_die.put(1);
  int hang = 0;
  for (auto& future : futures) {
    if (!future.wait(hang == 0 ? 10s : 0s)) {
      ++hang;
      continue;
    }
    EXPECT_FALSE(future.successful());
  }
  EXPECT_EQ(hang, 0);
  if (hang > 0) pool.terminate();  // else the end would wait for them
}

}  // namespace
