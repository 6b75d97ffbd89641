// Pool in bad weather: few descriptors, little memory, signals ignored, tasks that fork.

#include <sys/wait.h>

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>

#include "nothing_left.hpp"
#include "run_program.hpp"

namespace {

using run_program::run;
using namespace std::chrono_literals;

TEST(PoolWeather, takes_two_descriptors_for_each_worker) {  // R11
  const auto ran = run({"weather", "descriptors", "20"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "sum 200, each worker takes 2\nthen 8, left 0\n") << ran.err;
}

TEST(PoolWeather, without_descriptors_for_all_its_workers_is_an_error_and_leaves_nothing) {  // O32
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "without descriptors the sanitizer's check of types sees errors that are none";
#endif
  const auto ran = run({"weather", "descriptors", "60"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("Too many open files"), std::string::npos) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("\nthen 8, left 0\n")) << ran.out;
}

TEST(PoolWeather, values_larger_than_the_arena_fail_alone) {
  const auto ran = run({"weather", "small-arena"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "argument: NoMemory\nresult: NoMemory\nqueue: NoMemory\nthen 8\n") << ran.err;
}

TEST(PoolWeather, ignored_child_signals_hide_no_death) {
  const auto ran = run({"weather", "ignores-sigchld"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "signal 9\nsignal 9\nsignal 9\nthen 8\n") << ran.err;
}

TEST(PoolWeather, small_dev_shm_is_no_limit) {  // R11
  const auto ran = run({"weather", "small-shm"});
  if (ran.code == 77) GTEST_SKIP() << "no mount namespace can be made here";
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "360 MiB\n");
}

TEST(PoolWeather, without_processes_what_there_is_goes_on) {  // RLIMIT_NPROC
  const auto ran = run({"weather", "processes"});
  if (ran.code == 77) GTEST_SKIP() << "not run as root, who becomes a user without other processes";
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "processes: told\na pool: told\nstill 8\na map: told\na death: told\nlater 16\n")
      << ran.err;
}

TEST(PoolWeather, few_addresses_are_enough_for_what_is_small) {  // RLIMIT_AS
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer's shadow needs more addresses than that";
#endif
  const auto ran = run({"weather", "addresses"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "sum 200, 1000000 bytes, large: refused\n") << ran.err;
}

TEST(PoolWeather, a_memory_group_refuses_and_does_not_kill) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer's shadow needs more memory than that";
#endif
  const auto ran = run({"weather", "memory-group"});
  if (ran.code == 77) GTEST_SKIP() << "no memory cgroup can be made here";
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "NoMemory after some, all back, then 8\n") << ran.err;
}

TEST(PoolWeather, a_task_that_forks_and_returns_twice_is_done_once) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (int round = 0; round < 10; ++round) {
    auto future = pool.apply_async([](int n) { return fork() == 0 ? -1 : n; }, round);
    EXPECT_EQ(future.get(30s), round);
    EXPECT_EQ(pool.apply_async([](int n) { return 2 * n; }, round).get(30s), 2 * round);
  }
  EXPECT_EQ(pool.counts().done, 20U);
  EXPECT_EQ(pool.counts().failed, 0U);
  EXPECT_EQ(pool.counts().restarts, 0U);
}

// Not even when the copy goes first, and the worker much later.
TEST(PoolWeather, a_copy_of_a_worker_cannot_speak_for_it) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  const int result = pool.apply_async([] {
                           const pid_t copy = fork();
                           if (copy == 0) return -1;
                           int status = 0;
                           waitpid(copy, &status, 0);
                           return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
                         })
                         .get(30s);
  EXPECT_NE(result, -1);
  EXPECT_NE(result, 0);  // it did not get through
  EXPECT_EQ(pool.apply_async([] { return 5; }).get(30s), 5);
}

}  // namespace
