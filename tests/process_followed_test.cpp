// What a child takes over from the thread that starts it, set after init: under each start method, and in the
// first and the replaced workers of a pool.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <brood/init.hpp>
#include <fstream>
#include <functional>
#include <thread>

#include "places.hpp"

namespace followed {

using namespace places;

class Followed : public testing::TestWithParam<Place> {};
BROOD_EACH_PLACE(Followed);

// Runs f in a thread of its own: affinity and scheduling are a thread's, and go with it.
void in_a_thread(const std::function<void()>& f) { std::thread(f).join(); }

std::string processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return "?";
  std::string all;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) all += std::to_string(i) + " ";
  }
  return all;
}

std::string niceness() { return std::to_string(getpriority(PRIO_PROCESS, 0)); }

std::string policy() {
  sched_param parameters{};
  sched_getparam(0, &parameters);
  return std::to_string(sched_getscheduler(0)) + " " + std::to_string(parameters.sched_priority);
}

// The last of those that it may use; false when there is only one.
bool use_one_processor() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  if (CPU_COUNT(&set) < 2) return false;
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &set)) --last;
  CPU_ZERO(&set);
  CPU_SET(last, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

TEST_P(Followed, processor_affinity) {
  in_a_thread([] {
    const auto before = processors();
    if (!use_one_processor()) GTEST_SKIP() << "there is one processor";
    EXPECT_NE(processors(), before);
    EXPECT_EQ(seen_in<processors>(GetParam()), processors());
    EXPECT_EQ(brood::usable_cpu_count(), 1);
  });
  EXPECT_EQ(seen_in<processors>(GetParam()), processors());
}

TEST_P(Followed, niceness) {
  in_a_thread([] {
    const int before = getpriority(PRIO_PROCESS, 0);
    ASSERT_EQ(setpriority(PRIO_PROCESS, 0, before + 3), 0);
    EXPECT_EQ(seen_in<niceness>(GetParam()), std::to_string(before + 3));
  });
  EXPECT_EQ(seen_in<niceness>(GetParam()), niceness());
}

TEST_P(Followed, scheduling_policy) {
  in_a_thread([] {
    const sched_param none{};
    for (const int wanted : {SCHED_BATCH, SCHED_IDLE}) {
      ASSERT_EQ(sched_setscheduler(0, wanted, &none), 0);
      EXPECT_EQ(seen_in<policy>(GetParam()), std::to_string(wanted) + " 0");
    }
  });
}

TEST_P(Followed, real_time_priority) {
  in_a_thread([] {
    const sched_param low{.sched_priority = 2};
    if (sched_setscheduler(0, SCHED_RR, &low) != 0) GTEST_SKIP() << "this user has no real-time priority";
    EXPECT_EQ(seen_in<policy>(GetParam()), std::to_string(SCHED_RR) + " 2");
    // As a fork would leave it behind.
    ASSERT_EQ(sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &low), 0);
    EXPECT_EQ(seen_in<policy>(GetParam()), std::to_string(SCHED_OTHER) + " 0");
  });
}

// What the program may ask for at the time of the start is what counts, before its limits or after.
TEST_P(Followed, niceness_beside_a_limit_of_it) {
  rlimit before{};
  getrlimit(RLIMIT_NICE, &before);
  const rlimit least{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NICE, &least), 0);
  in_a_thread([] {
    ASSERT_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    EXPECT_EQ(seen_in<niceness>(GetParam()), "5");
  });
  setrlimit(RLIMIT_NICE, &before);
}

// ---- what does not follow: init.hpp says so ----

std::string timer_slack() { return std::to_string(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)); }
std::string io_priority() { return std::to_string(syscall(SYS_ioprio_get, 1, 0)); }
std::string out_of_memory_score() {
  std::string score;
  std::ifstream("/proc/self/oom_score_adj") >> score;
  return score;
}
bool set_out_of_memory_score(const std::string& score) {
  return static_cast<bool>(std::ofstream("/proc/self/oom_score_adj") << score << std::flush);
}

TEST_P(Followed, timer_slack_and_io_priority_are_those_of_init_but_by_fork) {
  const auto slack = timer_slack(), priority = io_priority();
  in_a_thread([&] {
    ASSERT_EQ(prctl(PR_SET_TIMERSLACK, 1'000'000, 0, 0, 0), 0);
    ASSERT_EQ(syscall(SYS_ioprio_set, 1, 0, 3 << 13), 0);
    const bool copied = GetParam() == Place::fork;
    EXPECT_EQ(seen_in<timer_slack>(GetParam()), copied ? "1000000" : slack);
    EXPECT_EQ(seen_in<io_priority>(GetParam()), copied ? std::to_string(3 << 13) : priority);
  });
}

TEST_P(Followed, out_of_memory_score_is_that_of_init_but_by_fork) {
  const auto before = out_of_memory_score();
  if (!set_out_of_memory_score("900") || !set_out_of_memory_score(before) || !set_out_of_memory_score("900"))
    GTEST_SKIP() << "this user cannot set it back";
  const auto seen = seen_in<out_of_memory_score>(GetParam());
  EXPECT_TRUE(set_out_of_memory_score(before));
  EXPECT_EQ(seen, GetParam() == Place::fork ? "900" : before);
}

}  // namespace followed
