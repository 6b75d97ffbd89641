// Many futures: wait, as_completed; the calls that read like executors and the standard library. F01, F37.

#include <algorithm>
#include <brood/executor.hpp>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <brood/wait.hpp>
#include <csignal>
#include <numeric>
#include <ranges>
#include <sstream>
#include <thread>

#include "nothing_left.hpp"

namespace pool_waiting {

int twice(int n) { return 2 * n; }
int after(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  return milliseconds;
}
int until_told(brood::Queue<int> go) { return go.get(); }
int fails(int n) { throw std::out_of_range(std::to_string(n)); }
void put_into(int n, brood::Queue<int> queue) { queue.put(n); }
std::string joined(std::string a, std::string b) { return a + b; }
int larger(int a, int b) { return std::max(a, b); }
int fragile(int a, int b) {
  if (b == 77) raise(SIGKILL);
  return a + b;
}

}  // namespace pool_waiting

namespace {

using namespace pool_waiting;
using namespace std::chrono_literals;
using brood::When;

using Indices = std::vector<std::size_t>;

TEST(Wait, for_all_F37) {
  brood::Pool pool(2);
  std::vector<brood::Future<int>> futures;
  EXPECT_TRUE(brood::wait(futures).done.empty());
  for (int i = 0; i < 20; ++i) futures.push_back(pool.submit(twice, i));
  const auto waited = brood::wait(futures);
  EXPECT_EQ(waited.done.size(), 20U);
  EXPECT_TRUE(waited.not_done.empty());
  EXPECT_EQ(brood::wait(futures).done.size(), 20U);  // of those that have ended: at once
  for (int i = 0; i < 20; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(), 2 * i);
}

TEST(Wait, for_the_first_F37) {
  brood::Pool pool(2);
  brood::Queue<int> never, go;
  std::vector<brood::Future<int>> futures;
  futures.push_back(pool.apply_async(until_told, never));
  futures.push_back(pool.apply_async(until_told, go));
  auto waited = brood::wait(futures, When::first_completed, 10ms);
  EXPECT_EQ(waited.not_done, (Indices{0, 1}));
  go.put(1);
  waited = brood::wait(futures, When::first_completed);
  EXPECT_EQ(waited.done, Indices{1});
  EXPECT_EQ(waited.not_done, Indices{0});
  never.put(1);
}

TEST(Wait, for_the_first_exception_F37) {
  brood::Pool pool(2);
  brood::Queue<int> go;
  std::vector<brood::Future<int>> futures;
  futures.push_back(pool.apply_async(until_told, go));
  futures.push_back(pool.apply_async(fails, 1));
  const auto waited = brood::wait(futures, When::first_exception);
  EXPECT_EQ(waited.not_done, Indices{0});
  EXPECT_THROW(futures[1].get(), std::out_of_range);
  go.put(1);
  EXPECT_EQ(brood::wait(futures).done.size(), 2U);
  std::vector<brood::Future<int>> good;
  for (int i = 0; i < 3; ++i) good.push_back(pool.apply_async(twice, i));
  EXPECT_EQ(brood::wait(good, When::first_exception).done.size(), 3U);  // there is none: all
}

TEST(Wait, tells_of_the_cancelled_and_the_dead_F37) {
  brood::Pool pool(1);
  brood::Queue<int> go;
  std::vector<brood::Future<int>> futures;
  futures.push_back(pool.apply_async(until_told, go));
  futures.push_back(pool.apply_async(twice, 1));
  EXPECT_TRUE(futures[1].cancel());
  EXPECT_EQ(brood::wait(futures, When::first_exception, 10s).done, Indices{1});
  EXPECT_THROW(futures[1].get(), brood::Cancelled);
  go.put(1);
  futures.push_back(pool.apply_async([] {
    raise(SIGKILL);
    return 0;
  }));
  EXPECT_EQ(brood::wait(futures).done.size(), 3U);
  EXPECT_THROW(futures[2].get(), brood::WorkerDied);
  std::vector<brood::Future<int>> empty(2);
  EXPECT_THROW(brood::wait(empty), brood::UsageError);
  EXPECT_THROW(brood::as_completed(empty), brood::UsageError);
}

TEST(AsCompleted, gives_each_once_the_quickest_first) {
  brood::Pool pool(3);
  std::vector<brood::Future<int>> futures;
  brood::Queue<int> last;
  futures.push_back(pool.apply_async(until_told, last));
  for (int i = 0; i < 30; ++i) futures.push_back(pool.apply_async(twice, i));
  std::vector<int> came;
  for (auto& future : brood::as_completed(futures)) {
    came.push_back(future.get());
    if (came.size() == 30) last.put(-1);
  }
  ASSERT_EQ(came.size(), 31U);
  EXPECT_EQ(came.back(), -1);
  EXPECT_EQ(std::accumulate(came.begin(), came.end(), 0), 29 * 30 - 1);
}

TEST(AsCompleted, tells_how_many_are_late) {
  brood::Pool pool(1);
  brood::Queue<int> never;
  std::vector<brood::Future<int>> futures;
  futures.push_back(pool.apply_async(twice, 1));
  futures.push_back(pool.apply_async(until_told, never));
  futures.push_back(pool.apply_async(twice, 2));
  int came = 0;
  try {
    for (auto& future : brood::as_completed(futures, 200ms)) came += future.get();
    ADD_FAILURE() << "no exception";
  } catch (const brood::TimeoutError& e) {
    EXPECT_NE(std::string(e.what()).find("2 (of 3)"), std::string::npos) << e.what();
  }
  EXPECT_EQ(came, 2);
  never.put(0);
}

TEST(AsCompleted, of_several_executors) {
  brood::Pool one(1), other(1);
  brood::SerialExecutor here;
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 10; ++i) {
    futures.push_back(one.apply_async(after, 2));
    futures.push_back(other.apply_async(after, 3));
    futures.push_back(here.apply_async(twice, 1));
  }
  int sum = 0;
  int n = 0;
  for (auto& future : brood::as_completed(futures)) {
    sum += future.get();
    ++n;
  }
  EXPECT_EQ(n, 30);
  EXPECT_EQ(sum, 70);
}

TEST(AsCompleted, may_be_nested_and_left_early) {
  brood::Pool pool(2);
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(pool.apply_async(after, 1));
  int outer = 0;
  for ([[maybe_unused]] auto& each : brood::as_completed(futures, 30s)) {
    ++outer;
    int inner = 0;
    for ([[maybe_unused]] auto& again : brood::as_completed(futures, 30s)) {
      if (++inner == outer) break;
    }
    EXPECT_EQ(inner, outer);
  }
  EXPECT_EQ(outer, 20);
  EXPECT_EQ(brood::wait(futures, brood::When::first_completed, 30s).done.size(), 20U);
}

TEST(AsCompleted, of_none) {
  std::vector<brood::Future<int>> none;
  for ([[maybe_unused]] auto& each : brood::as_completed(none)) ADD_FAILURE();
}

// A source has no futures to look through: whoever ends one tells the watch.
TEST(AsCompleted, is_told_of_each_end) {
  struct Source final : brood::detail::TaskSource {
    std::vector<brood::detail::Record*> records;
    std::size_t next = 0, waits = 0;
    bool wait(brood::detail::Record&, brood::detail::Deadline) override { return false; }
    bool wait_any(const brood::detail::Watch& watch, brood::detail::Deadline) override {
      ++waits;
      EXPECT_FALSE(watch.has_some());
      brood::detail::finish_record(*records[next++]);
      EXPECT_TRUE(watch.has_some());
      return true;
    }
    void attend() override {}
    bool running(brood::detail::Record&) override { return false; }
    bool cancel(brood::detail::Record&, bool) override { return false; }
  } source;
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 20'000; ++i) {
    source.records.push_back(&brood::detail::take_record(source));
    futures.emplace_back(*source.records.back());
  }
  std::ranges::reverse(source.records);
  std::size_t n = 0;
  for (auto& future : brood::as_completed(futures)) {
    ++n;
    EXPECT_EQ(&future, &futures[futures.size() - n]);
  }
  EXPECT_EQ(n, futures.size());
  EXPECT_EQ(source.waits, futures.size());
}

TEST(AsCompleted, inside_a_task) {
  brood::Pool pool(2);
  const auto sum = [](int n) {
    std::vector<brood::Future<int>> futures;
    for (int i = 0; i < n; ++i) futures.push_back(brood::this_worker::pool().apply_async(twice, i));
    int all = 0;
    for (auto& future : brood::as_completed(futures, 30s)) all += future.get();
    return all;
  };
  EXPECT_EQ(pool.apply(sum, 20), 380);
}

// Two workers do not come back; what stands behind their tasks goes to the third, from both.
TEST(PoolLanes, hold_nothing_behind_tasks_that_do_not_end) {
  brood::Pool pool(3);
  brood::Queue<int> go;
  std::vector<brood::Future<int>> before;
  for (int i = 0; i < 20'000; ++i) before.push_back(pool.apply_async(twice, i));
  for (auto& each : before) each.get();  // lanes hold many of such
  std::vector<brood::Future<int>> stuck, others;
  for (int i = 0; i < 2; ++i) stuck.push_back(pool.apply_async(until_told, go));
  for (int i = 0; i < 300; ++i) others.push_back(pool.apply_async(twice, i));
  for (int i = 0; i < 300; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(10s), 2 * i);
  for (int i = 0; i < 2; ++i) go.put(i);
  for (auto& each : stuck) each.get(10s);
}

// A worker that was quick until now has another task before it than it used to have; who waits for that one
// sleeps, and need not be woken for the helper to see it.
TEST(PoolLanes, hold_nothing_behind_a_long_task_for_which_another_thread_waits) {
  brood::Pool pool(2);
  brood::Queue<int> go, did;
  for (int i = 0; i < 200; ++i) pool.apply(twice, i);
  auto is_long = pool.apply_async(until_told, go);
  std::jthread waits([&] { EXPECT_EQ(is_long.get(50s), 1); });
  std::this_thread::sleep_for(50ms);
  std::vector<brood::Future<void>> behind;
  for (int i = 0; i < 4; ++i) behind.push_back(pool.apply_async(put_into, i, did));
  for (int i = 0; i < 4; ++i) EXPECT_NO_THROW(did.get(10s));
  go.put(1);
  waits.join();
  for (auto& each : behind) each.get(10s);
}

// Also while all processors have work for long.
TEST(PoolLanes, keep_no_deadline_of_a_wait_waiting) {
  brood::Pool pool(2);
  brood::Queue<int> go;
  std::vector<brood::Future<int>> many;
  for (int i = 0; i < 100'000; ++i) many.push_back(pool.apply_async(twice, i));
  auto never = pool.apply_async(until_told, go);
  EXPECT_THROW(never.get(50ms), brood::TimeoutError);
  go.put(1);
  EXPECT_EQ(never.get(10s), 1);
}

TEST(PoolForEach, does_all) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> queue;
  pool.for_each(put_into, std::views::iota(0, 100), queue);
  EXPECT_EQ(queue.qsize(), 100U);
  std::istringstream text("1 2 3 4");  // not to be counted beforehand
  pool.for_each(put_into, std::views::istream<int>(text), queue);
  EXPECT_EQ(queue.qsize(), 104U);
  std::istringstream bad("1 2 3");
  EXPECT_THROW(pool.for_each(fails, std::views::istream<int>(bad)), std::out_of_range);
}

TEST(PoolReduce, joins_in_order) {
  const nothing_left::Memory memory;
  brood::Pool pool(3);
  EXPECT_EQ(pool.reduce(std::vector<int>(), 7), 7);
  EXPECT_EQ(pool.reduce(std::views::iota(1, 1001), 0L), 500500L);
  EXPECT_EQ(pool.reduce(std::vector<int>{3, 9, 2}, -1, larger), 9);
  std::vector<std::string> words;
  std::string wanted = ">";
  for (int i = 0; i < 500; ++i) {
    words.push_back(std::to_string(i));
    wanted += words.back();
  }
  EXPECT_EQ(pool.reduce(words, std::string(">"), joined), wanted);
  std::istringstream text("1 2 3 4");
  EXPECT_EQ(pool.reduce(std::views::istream<int>(text), 0.5), 10.5);
  EXPECT_THROW(pool.reduce(std::vector<int>{1, 77, 77, 2}, 0, fragile), brood::WorkerDied);
  EXPECT_EQ(pool.reduce(std::views::iota(0, 10), 0, fragile), 45);
}

}  // namespace
