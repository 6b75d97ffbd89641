// map_async in chunks: the rest goes on while nobody waits, and the pool's end waits for it. O03 O04 O05 O07
// O17.

#include <unistd.h>

#include <algorithm>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <future>
#include <list>
#include <ranges>
#include <thread>

#include "items.hpp"
#include "nothing_left.hpp"
#include "what_it_threw.hpp"

namespace pool_map_async {

int put_and_say(int n, brood::Queue<int> queue) {
  queue.put(n);
  return n;
}
int picky(int n, brood::Queue<int> ran) {
  ran.put(n);
  if (n % 10 == 3) throw std::out_of_range("number " + std::to_string(n));
  return n;
}
int crashes_at(int n, int where, brood::Queue<int> ran) {
  ran.put(n);
  if (n == where) raise(SIGKILL);
  return n;
}
int sleeps(int n) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return n;
}
std::string joined(const std::string& text, int n) { return text + std::to_string(n); }
int put_through(brood::Queue<int> queue) { return queue.get() + 1; }
int sum_of_squares(int n) {
  int all = 0;
  for (const int each :
       brood::this_worker::pool().map_async({.chunksize = 5}, items::square, std::views::iota(0, n)).get())
    all += each;
  return all;
}

}  // namespace pool_map_async

namespace {

using namespace pool_map_async;
using namespace std::chrono_literals;
using items::numbers;
using items::square;
using items::squares;
using what_it_threw::text_of;

std::vector<int> sorted_from(brood::Queue<int>& queue, int n) {
  std::vector<int> all;
  while (static_cast<int>(all.size()) < n) {
    const auto one = queue.try_get_for(30s);
    if (!one) break;
    all.push_back(*one);
  }
  EXPECT_FALSE(queue.try_get_for(20ms)) << "something ran twice";
  std::ranges::sort(all);
  return all;
}

// What a callback was told, once.
template <class T>
class Heard {
 public:
  void tell(T value) {
    ++times_;
    if (times_ == 1) said_.set_value(std::move(value));
  }
  T wait() {
    auto said = said_.get_future();
    if (said.wait_for(30s) != std::future_status::ready) throw std::runtime_error("nothing was told in time");
    return said.get();
  }
  int times() const { return times_; }

 private:
  std::promise<T> said_;
  std::atomic<int> times_{0};
};

class MapAsync : public testing::TestWithParam<int> {
 protected:
  // 0: as measured.
  brood::CallOptions options() const { return items::chunks_of(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(chunksize, MapAsync, testing::Values(0, 1, 2, 7, 1000),
                         [](const auto& size) { return "of_" + std::to_string(size.param); });

TEST_P(MapAsync, gives_what_a_loop_gives) {  // O03 O04 O07 O17
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (const int n : {0, 1, 2, 3, 10, 100, 1001, 100'000}) {
    if (n > 2000 && GetParam() != 0 && GetParam() < 100) continue;
    const auto items = numbers(n);
    EXPECT_EQ(pool.map_async(options(), square, items).get(30s), squares(n)) << n;
    EXPECT_EQ(pool.map_async(options(), square, std::views::iota(0, n)).get(30s), squares(n)) << n;
    EXPECT_EQ(pool.map_async(options(), square, std::list<int>(items.begin(), items.end())).get(30s),
              squares(n))
        << n;
    std::vector<std::pair<std::string, int>> pairs;
    std::vector<std::string> wanted;
    for (const int i : items) {
      pairs.emplace_back(std::string(static_cast<std::size_t>(i % 300), 'x'), i);
      wanted.push_back(joined(pairs.back().first, i));
    }
    EXPECT_EQ(pool.starmap_async(options(), joined, pairs).get(30s), wanted) << n;
    pool.map_async(
            options(), [](int) {}, items)
        .get(30s);
  }
}

TEST_P(MapAsync, tells_one_failure_and_runs_each_item_once) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> ran;
  auto all = pool.map_async(options(), picky, numbers(200), ran);
  EXPECT_EQ(sorted_from(ran, 200), numbers(200));  // nobody waits for the map
  EXPECT_TRUE(all.wait(30s));
  EXPECT_FALSE(all.successful());
  for (int again = 0; again < 2; ++again)
    EXPECT_EQ(text_of<std::out_of_range>([&] { all.get(); }), "number 3");
}

TEST_P(MapAsync, loses_the_item_whose_worker_died_alone) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> ran;
  auto all = pool.map_async(options(), crashes_at, numbers(100), 41, ran);
  EXPECT_EQ(sorted_from(ran, 100), numbers(100));
  const auto text = text_of<brood::WorkerDied>([&] { all.get(30s); });
  EXPECT_NE(text.find("41"), std::string::npos) << text;
  EXPECT_EQ(pool.counts().restarts, 1U);
}

TEST_P(MapAsync, is_done_by_a_pool_that_has_been_closed) {
  const nothing_left::Memory memory;
  for (int round = 0; round < 10; ++round) {
    brood::Pool pool(2);
    brood::Queue<int> ran;
    auto dies = pool.map_async(options(), crashes_at, numbers(100), 7, ran);
    auto all = pool.map_async(options(), square, numbers(1000));
    pool.close();
    EXPECT_THROW(pool.map_async(options(), square, numbers(3)), brood::UsageError);
    EXPECT_TRUE(pool.join(30s));
    EXPECT_TRUE(all.ready());
    EXPECT_EQ(all.get(), squares(1000));
    EXPECT_THROW(dies.get(), brood::WorkerDied);
    EXPECT_EQ(sorted_from(ran, 100), numbers(100));
  }
}

TEST_P(MapAsync, is_done_by_a_pool_that_goes) {
  const nothing_left::Memory memory;
  brood::Queue<int> ran;
  {
    brood::Pool pool(2);
    static_cast<void>(
        pool.map_async(options(), put_and_say, numbers(500), ran));  // whose future goes as well
  }
  EXPECT_EQ(sorted_from(ran, 500), numbers(500));
}

TEST_P(MapAsync, ends_with_a_pool_that_is_terminated) {
  const nothing_left::Memory memory;
  for (int round = 0; round < 10; ++round) {
    brood::Pool pool(2);
    auto all = pool.map_async(options(), sleeps, numbers(10'000));
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
    pool.terminate();
    EXPECT_THROW(all.get(30s), brood::PoolTerminated);
    EXPECT_TRUE(pool.join(30s));
  }
}

TEST_P(MapAsync, calls_back_once) {  // O05
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const auto good = std::make_shared<Heard<std::vector<int>>>();
  pool.map_async(options(), square, numbers(500)).add_done_callback([good](auto outcome) {
    good->tell(outcome ? outcome->get() : std::vector<int>{-1});
  });
  EXPECT_EQ(good->wait(), squares(500));

  brood::Queue<int> ran;
  const auto bad = std::make_shared<Heard<std::string>>();
  auto all = pool.map_async(options(), picky, numbers(100), ran);
  all.add_done_callback([bad](auto outcome) { bad->tell(outcome ? "values" : outcome.error().what()); });
  EXPECT_EQ(bad->wait(), "number 3");
  EXPECT_THROW(all.get(), std::out_of_range);

  const auto none = std::make_shared<Heard<std::size_t>>();
  pool.map_async(options(), square, numbers(0)).add_done_callback([none](auto outcome) {
    none->tell(outcome->get().size());
  });
  EXPECT_EQ(none->wait(), 0U);
  const auto nothing = std::make_shared<Heard<bool>>();
  pool.map_async(
          options(), [](int) {}, numbers(20))
      .add_done_callback([nothing](auto outcome) { nothing->tell(static_cast<bool>(outcome)); });
  EXPECT_TRUE(nothing->wait());
  pool.close();
  pool.join();
  EXPECT_EQ(good->times() + bad->times() + none->times() + nothing->times(), 4);
}

TEST_P(MapAsync, takes_items_that_name_queues) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::vector<brood::Queue<int>> queues(20);
  for (int i = 0; i < 20; ++i) queues[static_cast<std::size_t>(i)].put(i);
  auto all = pool.map_async(options(), put_through, std::move(queues));
  auto wanted = numbers(20);
  for (int& n : wanted) ++n;
  EXPECT_EQ(all.get(30s), wanted);
}

TEST_P(MapAsync, throws_what_the_input_throws_and_runs_nothing) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> ran;
  const auto items = std::views::iota(0, 50) | std::views::transform([](int n) {
                       if (n == 40) throw std::range_error("no more");
                       return n;
                     });
  EXPECT_THROW(pool.map_async(options(), put_and_say, items, ran), std::range_error);
  // One by one each is on its way when the next one is read.
  EXPECT_EQ(sorted_from(ran, GetParam() == 1 ? 40 : 0), numbers(GetParam() == 1 ? 40 : 0));
}

TEST_P(MapAsync, may_be_many_at_once_from_many_threads) {
  const nothing_left::Memory memory;
  brood::Pool pool({.processes = 2, .max_pending = 5});
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        auto one = pool.map_async(options(), square, numbers(50));
        auto other = pool.map_async(options(), square, numbers(300));
        good += pool.apply(square, 4) == 16 && other.get(30s) == squares(300) && one.get(30s) == squares(50);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 20);
}

TEST_P(MapAsync, may_be_of_a_task_of_the_pool) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  EXPECT_EQ(pool.map_async(options(), sum_of_squares, std::vector<int>{0, 10, 100}).get(30s),
            (std::vector<int>{0, 285, 328350}));
}

TEST(MapAsyncPool, keeps_few_tasks_under_way) {
  brood::Pool pool(2);
  auto all = pool.map_async({.chunksize = 10}, sleeps, numbers(400));
  while (!all.ready()) {
    const auto n = pool.counts();
    EXPECT_LE(n.queued + n.running, 4U);  // two for each worker
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(pool.counts().done, 40U);
}

TEST(MapAsyncPool, results_stay_and_may_be_taken) {
  brood::Pool pool(2);
  auto all = pool.map_async(square, numbers(100));
  EXPECT_EQ(all.get(), squares(100));
  EXPECT_EQ(all.get(), squares(100));
  pool.close();
  pool.join();
  EXPECT_EQ(std::move(all).get(), squares(100));
  EXPECT_TRUE(all.successful());
}

TEST(MapAsyncPool, says_how_to_have_a_future_for_each) {
  brood::Pool pool(2);
  auto together = pool.map_async(square, numbers(10));
  EXPECT_NE(text_of<brood::UsageError>([&] { together.futures(); }).find(".chunksize = 1"),
            std::string::npos);
  auto each = pool.map_async({.chunksize = 1}, square, numbers(10));
  ASSERT_EQ(each.futures().size(), 10U);
  EXPECT_EQ(each.futures()[3].get(), 9);
}

TEST(MapAsyncPool, waits_at_most_so_long) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> go;
  auto all = pool.map_async(
      {.chunksize = 2}, [](int n, brood::Queue<int> q) { return n + q.get(); }, numbers(10), go);
  EXPECT_FALSE(all.ready());
  EXPECT_FALSE(all.wait(10ms));
  EXPECT_THROW(all.get(10ms), brood::TimeoutError);
  EXPECT_THROW(static_cast<void>(all.successful()), brood::UsageError);
  for (int i = 0; i < 10; ++i) go.put(0);
  EXPECT_EQ(all.get(30s), numbers(10));
}

TEST(MapAsyncPool, fails_with_a_pool_that_breaks) {
  const nothing_left::Memory memory;
  brood::Pool pool({.processes = 1, .restart_intensity = 1}, [] { throw std::runtime_error("no"); });
  EXPECT_THROW(pool.map_async({.chunksize = 2}, square, numbers(10)).get(30s), brood::PoolBroken);
}

// Who waits for its own map in a callback does not wait for the thread that it keeps from calling others.
TEST(MapAsyncPool, may_be_waited_for_in_a_callback) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const auto told = std::make_shared<Heard<std::size_t>>();
  pool.apply_async(square, 3).add_done_callback([&pool, told](brood::Outcome<int>) {
    told->tell(pool.map_async(square, numbers(1000)).get(30s).size());
  });
  EXPECT_EQ(told->wait(), 1000U);
}

}  // namespace
