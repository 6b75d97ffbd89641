// What brood's operations cost, in counts: system calls, allocations, page faults, cache lines. Others take
// the processors meanwhile, so that a round may have to sleep and to wake: what counts is that there are
// rounds which cost no more than this.

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include "allocations.hpp"
#include "counted.hpp"
#include "pool/lane_layout.hpp"

namespace costs {

int nothing(int x) { return x; }
std::uint64_t allocations_here(int) { return allocations(); }

using Bytes = std::vector<char>;
constexpr std::size_t large = std::size_t{64} << 20;
Bytes made(std::size_t size) { return Bytes(size, 'x'); }
std::uint64_t page_faults_here(int) { return counting::page_faults(); }
// Large blocks stay with the process, as those of brood do: what is counted then is brood's.
void keep_memory() {
  mallopt(M_MMAP_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

}  // namespace costs

namespace {

using namespace costs;
using namespace std::chrono_literals;

constexpr int many = 1000;

#define REQUIRE_COUNTING() \
  if (!system_calls().counts()) GTEST_SKIP() << system_calls().why_not()

// The smallest of rounds; no more of them once one is small enough, and for a minute at most.
std::uint64_t least(std::uint64_t enough, const std::function<std::uint64_t()>& round) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  auto best = std::numeric_limits<std::uint64_t>::max();
  while (best > enough && std::chrono::steady_clock::now() < until) best = std::min(best, round());
  return best;
}

// Reading the counter is a call itself.
std::uint64_t calls_of(const counting::Counter& counter, const std::function<void()>& body) {
  const auto before = counter.value();
  body();
  return counter.value() - before - 1;
}

void many_tasks(brood::Pool& pool, std::vector<brood::Future<int>>& futures, int n = many) {
  futures.clear();
  for (int i = 0; i < n; ++i) futures.push_back(pool.apply_async(nothing, i));
  for (auto& each : futures) each.get();
}

void many_values(brood::Queue<int>& queue) {
  for (int i = 0; i < many; ++i) queue.put(i);
  for (int i = 0; i < many; ++i) queue.get();
}

TEST(Costs, a_thousand_tasks_take_hardly_a_system_call_in_all_processes_together) {
  REQUIRE_COUNTING();
  brood::Pool pool(2);
  std::vector<brood::Future<int>> futures;
  EXPECT_LE(least(100, [&] { return calls_of(system_calls(), [&] { many_tasks(pool, futures); }); }), 100U);
}

TEST(Costs, a_thousand_calls_one_at_a_time_take_hardly_a_system_call) {
  REQUIRE_COUNTING();
  if (brood::usable_cpu_count() < 2) GTEST_SKIP() << "on one processor each waits for the other asleep";
  brood::Pool pool(2);
  const auto one_at_a_time = [&] {
    for (int i = 0; i < many; ++i) pool.apply(nothing, i);
  };
  EXPECT_LE(least(100, [&] { return calls_of(system_calls(), one_at_a_time); }), 100U);
}

TEST(Costs, values_of_a_queue_take_no_system_call_where_nobody_waits) {
  REQUIRE_COUNTING();
  brood::Queue<int> queue;
  const auto round = [&] { many_values(queue); };
  round();
  EXPECT_EQ(least(0, [&] { return calls_of(system_calls(), round); }), 0U);
}

TEST(Costs, a_start_takes_few_system_calls_of_the_caller) {
  const counting::Counter mine(counting::What::system_calls, counting::Whose::thread);
  if (!mine.counts()) GTEST_SKIP() << mine.why_not();
  const auto start = [&] {
    brood::Process process([] {});
    const auto calls = calls_of(mine, [&] { process.start(); });
    process.join();
    return calls;
  };
  start();
  // 29 as a rule; regular files as stdout and stderr take two more, and one more if both are the same file.
  EXPECT_LE(least(32, start), 32U);
}

// Each costs as much as ten tasks and more. What every child needs once its server has done before.
// 39 in a small program. This one has more text, and the system reads text in windows of 64 KiB: 48 to 53, by
// the address at which the program was loaded.
TEST(Costs, a_worker_takes_few_page_faults_from_its_birth_to_its_first_task) {
  const auto first_task = [] {
    brood::Pool pool(1);
    return pool.apply(page_faults_here, 0);
  };
  EXPECT_LE(least(56, first_task), 56U);
}

TEST(Costs, tasks_that_find_room_in_lanes_allocate_nothing_in_the_program_once_it_is_warm) {
  brood::Pool pool(2);
  std::vector<brood::Future<int>> futures;
  // Few at once: what is more than lanes take stands in line, and that takes memory.
  const auto round = [&] {
    const auto before = allocations();
    many_tasks(pool, futures, 200);
    return allocations() - before;
  };
  EXPECT_EQ(least(0, round), 0U);
}

TEST(Costs, tasks_allocate_nothing_in_the_worker_once_it_is_warm) {
  brood::Pool pool(1);
  std::vector<brood::Future<int>> futures;
  const auto round = [&] {
    const auto before = pool.apply(allocations_here, 0);
    many_tasks(pool, futures);
    return pool.apply(allocations_here, 0) - before;
  };
  EXPECT_EQ(least(0, round), 0U);
}

TEST(Costs, values_of_a_queue_allocate_nothing_once_it_is_warm) {
  brood::Queue<int> queue;
  const auto round = [&] {
    const auto before = allocations();
    many_values(queue);
    return allocations() - before;
  };
  EXPECT_EQ(least(0, round), 0U);
}

TEST(Costs, large_results_again_and_again_touch_no_fresh_page) {
  keep_memory();
  brood::Pool pool(1, keep_memory);
  const auto in_program = [&] {
    const auto before = counting::page_faults();
    EXPECT_EQ(pool.apply(made, large).size(), large);
    return counting::page_faults() - before;
  };
  const auto in_worker = [&] {
    const auto before = pool.apply(page_faults_here, 0);
    EXPECT_EQ(pool.apply(made, large).size(), large);
    return pool.apply(page_faults_here, 0) - before;
  };
  EXPECT_LE(least(16, in_program), 16U) << "of 16,384 pages";
  EXPECT_LE(least(16, in_worker), 16U) << "of 16,384 pages";
}

// One line goes to the worker and comes back for arguments and results of up to 16 bytes; what either side
// writes for itself lies in no line of a slot.
TEST(Costs, a_small_task_lies_in_one_cache_line) {
  using brood::pool::Lane;
  using brood::pool::Slot;
  constexpr std::size_t line = 64;
  EXPECT_EQ(alignof(Slot) % line, 0U);
  EXPECT_LE(offsetof(Slot, data) + 16, line);
  EXPECT_LE(offsetof(Slot, state) + sizeof(Slot::state), line);
  EXPECT_EQ(sizeof(Slot) % line, 0U);
  EXPECT_EQ(offsetof(Lane, slots) % line, 0U);
  EXPECT_NE(offsetof(Lane, worker_processor) / line, offsetof(Lane, slots) / line);
}

}  // namespace
