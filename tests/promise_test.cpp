// Promises, and what a Future tells besides its result.

#include <gtest/gtest.h>

#include <atomic>
#include <brood/pool.hpp>
#include <brood/promise.hpp>
#include <brood/queue.hpp>
#include <brood/wait.hpp>
#include <thread>

#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;
using brood::Future;
using brood::Promise;

TEST(Promise, is_kept_by_another_thread) {
  Promise<std::string> promise;
  auto future = promise.get_future();
  EXPECT_THROW(promise.get_future(), brood::UsageError);
  EXPECT_FALSE(future.ready());
  EXPECT_THROW(future.get(1ms), brood::TimeoutError);
  std::thread keeper([promise = std::move(promise)]() mutable {
    std::this_thread::sleep_for(5ms);
    promise.set_result("here");
    EXPECT_THROW(promise.set_result("again"), brood::UsageError);
  });
  EXPECT_EQ(future.get(), "here");
  EXPECT_EQ(future.result(), "here");
  EXPECT_EQ(future.exception(), nullptr);
  keeper.join();
}

TEST(Promise, fails_and_is_forgotten) {
  Promise<int> fails;
  auto failed = fails.get_future();
  fails.set_exception(std::make_exception_ptr(std::out_of_range("7")));
  EXPECT_THROW(failed.get(), std::out_of_range);
  EXPECT_NE(failed.exception(), nullptr);
  Future<void> future;
  {
    Promise<void> forgotten;
    future = forgotten.get_future();
  }
  EXPECT_THROW(future.get(), brood::UsageError);
  Promise<void> kept;
  future = kept.get_future();
  kept.set_result();
  future.get();
}

TEST(Promise, is_cancelled_unless_it_has_begun) {
  Promise<int> promise;
  auto future = promise.get_future();
  EXPECT_FALSE(future.running());
  EXPECT_TRUE(future.cancel());
  EXPECT_THROW(future.get(), brood::Cancelled);
  future = {};  // its record may go to the next promise
  Promise<int> other;
  auto next = other.get_future();
  EXPECT_FALSE(promise.set_running());
  promise.set_result(1);  // nobody wants it
  EXPECT_FALSE(next.ready());
  EXPECT_TRUE(other.set_running());
  EXPECT_TRUE(next.running());
  EXPECT_FALSE(next.cancel());
  other.set_result(2);
  EXPECT_EQ(next.get(), 2);
  EXPECT_FALSE(next.running());
}

TEST(Promise, calls_back_and_mixes_with_tasks) {
  std::atomic<int> called{0};
  Promise<int> promise;
  auto future = promise.get_future();
  future.add_done_callback([&](brood::Outcome<int> x) { called = *x; });
  std::vector<Future<int>> futures;
  futures.push_back(std::move(future));
  brood::Pool pool(1);
  futures.push_back(pool.apply_async([](int x) { return x; }, 5));
  EXPECT_EQ(brood::wait(futures, brood::When::first_completed).done, (std::vector<std::size_t>{1}));
  promise.set_result(9);
  EXPECT_EQ(called, 9);
  int sum = 0;
  for (auto& each : brood::as_completed(futures)) sum += each.get();
  EXPECT_EQ(sum, 14);
}

TEST(Future, tells_whether_it_runs) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  brood::Queue<int> gate;
  auto first = pool.apply_async([](brood::Queue<int> q) { q.get(); }, gate);
  auto second = pool.apply_async([](int x) { return x; }, 3);
  EXPECT_TRUE(nothing_left::soon([&] { return first.running(); }));
  EXPECT_FALSE(second.running());
  EXPECT_FALSE(second.done());
  EXPECT_THROW(second.exception(1ms), brood::TimeoutError);
  gate.put(1);
  EXPECT_EQ(second.result(10s), 3);
  EXPECT_TRUE(second.done());
  EXPECT_FALSE(first.running());
  EXPECT_THROW(Future<int>().running(), brood::UsageError);
}

}  // namespace
