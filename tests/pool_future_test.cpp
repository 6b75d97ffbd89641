// Future: waiting, timeouts, callbacks.

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <condition_variable>
#include <memory>
#include <thread>

#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;

int twice(int i) { return 2 * i; }
int fails(int) { throw std::runtime_error("asked for"); }
int held(brood::Queue<int> until) { return until.get(); }

/// What a callback tells the test.
template <class T>
class Told {
 public:
  void tell(T what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
    changed_.notify_all();
  }
  std::vector<T> wait_for(std::size_t n, std::chrono::seconds patience = 15s) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return all_.size() >= n; });
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> all_;
};

TEST(Future, is_waited_for_in_every_form) {  // F41
  brood::Pool pool(1);
  brood::Queue<int> queue;
  auto future = pool.apply_async(held, queue);
  EXPECT_TRUE(future.valid());
  EXPECT_FALSE(future.ready());
  EXPECT_FALSE(future.wait(0s));
  EXPECT_FALSE(future.wait(-1s));
  EXPECT_FALSE(future.wait(20ms));
  EXPECT_THROW(future.get(0s), brood::TimeoutError);
  EXPECT_THROW(future.get(-1s), brood::TimeoutError);
  EXPECT_THROW(future.get(20ms), brood::TimeoutError);
  EXPECT_THROW(future.successful(), brood::UsageError);
  queue.put(7);
  EXPECT_EQ(future.get(15s), 7);
  EXPECT_TRUE(future.ready());
  EXPECT_TRUE(future.successful());
  EXPECT_EQ(future.get(), 7);
  EXPECT_EQ(future.get(0s), 7);
  EXPECT_EQ(future.outcome().value(), 7);
  future.wait();
}

TEST(Future, that_is_empty_says_so) {
  brood::Future<int> empty;
  EXPECT_FALSE(empty.valid());
  EXPECT_THROW(empty.get(), brood::UsageError);
  EXPECT_THROW(empty.wait(), brood::UsageError);
  EXPECT_THROW(empty.add_done_callback([](brood::Outcome<int>) {}), brood::UsageError);
  brood::Pool pool(1);
  auto future = pool.apply_async(twice, 1);
  auto moved = std::move(future);
  EXPECT_FALSE(future.valid());  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_EQ(moved.get(), 2);
}

TEST(Future, outlives_its_pool) {
  brood::Future<int> good;
  brood::Future<int> bad;
  brood::Future<std::string> large;
  {
    brood::Pool pool(1);
    good = pool.apply_async(twice, 4);
    bad = pool.apply_async(fails, 4);
    large = pool.apply_async([] { return std::string(1 << 20, 'x'); });
  }
  EXPECT_TRUE(good.ready());
  EXPECT_EQ(good.get(), 8);
  EXPECT_THROW(bad.get(), std::runtime_error);
  EXPECT_EQ(large.get().size(), std::size_t{1} << 20);
}

TEST(Future, calls_back_from_a_helper_thread) {
  brood::Pool pool(1);
  brood::Queue<int> queue;
  Told<std::pair<int, std::thread::id>> told;
  auto future = pool.apply_async(held, queue);
  future.add_done_callback([&](brood::Outcome<int> o) { told.tell({*o, std::this_thread::get_id()}); });
  queue.put(5);
  const auto all = told.wait_for(1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].first, 5);
  EXPECT_NE(all[0].second, std::this_thread::get_id());
  EXPECT_EQ(future.get(), 5);
}

TEST(Future, calls_back_here_and_now_when_the_task_has_ended) {
  brood::Pool pool(1);
  auto future = pool.apply_async(twice, 1);
  future.wait();
  int seen = 0;
  future.add_done_callback([&](brood::Outcome<int> o) { seen = *o; });
  EXPECT_EQ(seen, 2);
}

TEST(Future, calls_back_in_the_order_of_registration) {
  brood::Pool pool(1);
  brood::Queue<int> queue;
  Told<int> told;
  auto future = pool.apply_async(held, queue);
  for (int i = 0; i < 10; ++i) future.add_done_callback([&, i](brood::Outcome<int>) { told.tell(i); });
  queue.put(5);
  EXPECT_EQ(told.wait_for(10), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(Future, calls_one_back_that_is_added_after_others_were_called) {
  brood::Pool pool(1);
  brood::Queue<int> queue;
  const auto told = std::make_shared<Told<int>>();  // a late callback harms no other test
  auto future = pool.apply_async(held, queue);
  future.add_done_callback([told](brood::Outcome<int>) { told->tell(1); });
  queue.put(5);
  ASSERT_EQ(told->wait_for(1).size(), 1U);
  // The helper may be a step behind its callback.
  for (int i = 0; i < 100; ++i) {
    future.add_done_callback([told](brood::Outcome<int>) { told->tell(2); });
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(told->wait_for(101, 5s).size(), 101U);
}

TEST(Future, calls_one_back_that_is_added_after_the_pool_has_gone) {
  const auto told = std::make_shared<Told<int>>();  // a late callback harms no other test
  brood::Future<int> future;
  {
    brood::Pool pool(1);
    brood::Queue<int> queue;
    future = pool.apply_async(held, queue);
    future.add_done_callback([told](brood::Outcome<int>) { told->tell(1); });
    queue.put(5);
  }
  ASSERT_EQ(told->wait_for(1).size(), 1U);
  future.add_done_callback([told](brood::Outcome<int>) { told->tell(2); });
  EXPECT_EQ(told->wait_for(2, 5s).size(), 2U);
}

TEST(Future, tells_a_failure_to_the_callback_and_to_get) {  // O26 O05
  brood::Pool pool(1);
  brood::Queue<int> queue;
  Told<std::string> told;
  auto future = pool.apply_async(
      [](brood::Queue<int> q) -> int {
        q.get();
        throw std::out_of_range("far");
      },
      queue);
  future.add_done_callback([&](brood::Outcome<int> o) { told.tell(o ? "value" : o.error().what()); });
  queue.put(0);
  EXPECT_EQ(told.wait_for(1), std::vector<std::string>{"far"});
  EXPECT_THROW(future.get(), std::out_of_range);
}

TEST(Future, survives_callbacks_that_throw) {  // O35
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  brood::Queue<int> queue;
  Told<int> told;
  auto future = pool.apply_async(held, queue);
  future.add_done_callback([](brood::Outcome<int>) { throw std::runtime_error("a callback throws"); });
  future.add_done_callback([](brood::Outcome<int>) { throw 42; });
  future.add_done_callback([&](brood::Outcome<int> o) { told.tell(*o); });
  queue.put(5);
  EXPECT_EQ(told.wait_for(1), std::vector<int>{5});
  EXPECT_EQ(future.get(), 5);
  EXPECT_EQ(pool.apply(twice, 3), 6);
}

TEST(Future, survives_a_callback_that_throws_here_and_now) {  // O35
  brood::Pool pool(1);
  auto future = pool.apply_async(twice, 1);
  future.wait();
  EXPECT_NO_THROW(future.add_done_callback([](brood::Outcome<int>) { throw std::runtime_error("now"); }));
  EXPECT_EQ(future.get(), 2);
}

TEST(Future, calls_back_when_it_was_dropped) {
  const nothing_left::Memory memory;
  const auto told = std::make_shared<Told<int>>();  // a late callback harms no other test
  brood::Pool pool(2);
  for (int i = 0; i < 200; ++i) {
    pool.apply_async(twice, i).add_done_callback([told](brood::Outcome<int> o) { told->tell(*o); });
  }
  const auto all = told->wait_for(200);
  int sum = 0;
  for (const int i : all) sum += i;
  EXPECT_EQ(all.size(), 200U);
  EXPECT_EQ(sum, 199 * 200);
}

TEST(Future, has_called_back_before_the_pool_is_gone) {
  int missing = 0;
  for (int round = 0; round < 30; ++round) {
    const auto called = std::make_shared<std::atomic<int>>(0);
    {
      brood::Pool pool(2);
      for (int i = 0; i < 20; ++i) {
        pool.apply_async(twice, i).add_done_callback([called](brood::Outcome<int>) { ++*called; });
      }
    }
    missing += 20 - *called;
  }
  EXPECT_EQ(missing, 0);
}

TEST(Future, calls_back_at_last_when_the_pool_goes_at_once) {
  int missing = 0;
  for (int round = 0; round < 10; ++round) {
    const auto called = std::make_shared<std::atomic<int>>(0);
    {
      brood::Pool pool(2);
      for (int i = 0; i < 20; ++i) {
        pool.apply_async(twice, i).add_done_callback([called](brood::Outcome<int>) { ++*called; });
      }
    }
    missing += nothing_left::soon([&] { return *called == 20; }, 1s) ? 0 : 1;
  }
  EXPECT_EQ(missing, 0);
}

TEST(Future, may_be_made_by_a_callback) {  // X03
  brood::Pool pool(1);
  Told<int> told;
  Told<brood::Future<int>*> made;
  brood::Future<int> next;
  pool.apply_async(twice, 1).add_done_callback([&](brood::Outcome<int> o) {
    next = pool.apply_async(twice, *o);
    next.add_done_callback([&](brood::Outcome<int> second) { told.tell(*second); });
  });
  EXPECT_EQ(told.wait_for(1), std::vector<int>{4});
}

// While the helper of one pool is in a callback, another pool's must not end that task's record.
TEST(Future, of_one_pool_keeps_its_value_when_another_pool_calls_back) {
  brood::Pool slow(1);
  brood::Pool fast(1);
  Told<int> begun;
  Told<int> go_on;
  const auto told = std::make_shared<Told<int>>();  // a late callback harms no other test
  brood::Queue<int> queue;
  {
    auto future = slow.apply_async(held, queue);
    future.add_done_callback([&](brood::Outcome<int>) {
      begun.tell(1);
      go_on.wait_for(1);
    });
    future.add_done_callback([told](brood::Outcome<int> o) { told->tell(*o); });
  }
  queue.put(1'000'000);
  ASSERT_EQ(begun.wait_for(1).size(), 1U);
  std::vector<brood::Future<int>> others;
  Told<int> other;
  for (int i = 0; i < 50; ++i) {
    others.push_back(fast.apply_async(twice, i));
    others.back().add_done_callback([&](brood::Outcome<int> o) { other.tell(*o); });
  }
  EXPECT_EQ(other.wait_for(50).size(), 50U);
  go_on.tell(1);
  EXPECT_EQ(told->wait_for(1), std::vector<int>{1'000'000});
}

TEST(Future, may_destroy_its_pool_in_a_callback) {
  const nothing_left::Memory memory;
  for (int round = 0; round < 5; ++round) {
    auto* const pool = new brood::Pool(2);
    std::atomic<bool> gone{false};
    auto future = pool->apply_async([] { usleep(1000); });
    future.add_done_callback([&](auto) {
      delete pool;
      gone = true;
    });
    EXPECT_TRUE(nothing_left::soon([&] { return gone.load(); }));
  }
}

TEST(Future, calls_the_end_of_the_pool_from_a_callback) {  // gh-87129
  brood::Pool pool(2);
  brood::Queue<int> queue;
  brood::Queue<int> never;
  Told<int> told;
  auto future = pool.apply_async(held, queue);
  auto other = pool.apply_async(held, never);
  future.add_done_callback([&](brood::Outcome<int>) {
    pool.terminate();
    told.tell(1);
  });
  other.add_done_callback([&](brood::Outcome<int>) { told.tell(2); });
  queue.put(1);
  EXPECT_EQ(told.wait_for(2).size(), 2U);
  EXPECT_TRUE(pool.join(15s));
}

}  // namespace
