// Lazy maps, starmap and results of any size in chunks: nothing but the time may change. O02, O03, O11, O13,
// O36.

#include <unistd.h>

#include <algorithm>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <fstream>
#include <map>
#include <ranges>
#include <set>
#include <sstream>
#include <thread>

#include "items.hpp"
#include "nothing_left.hpp"

namespace pool_lazy {

std::string repeated(int n) {
  return std::string(static_cast<std::size_t>(n), static_cast<char>('a' + n % 26));
}
std::vector<std::string> parts(int n) { return {static_cast<std::size_t>(n % 4), std::to_string(n)}; }
int same(int n) { return n; }
brood::Queue<int> queue_with(int n) {
  brood::Queue<int> queue;
  queue.put(n);
  return queue;
}
int value_in(brood::Queue<int> queue) { return queue.get(); }
std::string crashes_or_tells(int n, brood::Queue<int> ran) {
  ran.put(n);
  if (n % 30 == 7) raise(SIGKILL);
  if (n % 30 == 20) throw std::out_of_range(std::to_string(n));
  return std::to_string(n);
}
std::string waits_at_five(int n, brood::Queue<int> queue) { return std::to_string(n == 5 ? queue.get() : n); }
int joined(int a, const std::string& b, double c) {
  if (a < 0) raise(SIGKILL);
  return a + static_cast<int>(b.size()) + static_cast<int>(c);
}

struct Bad {
  int n = 0;
};
struct Moody {
  int n = 0;
};

}  // namespace pool_lazy

template <>
struct brood::Codec<pool_lazy::Bad> {
  static void encode(Writer& to, const pool_lazy::Bad& bad) {
    if (bad.n == 25) throw std::domain_error("a bad item");
    to.value(bad.n);
  }
  static pool_lazy::Bad decode(Reader& from) { return {from.value<int>()}; }
};
template <>
struct brood::Codec<pool_lazy::Moody> {
  static void encode(Writer& to, const pool_lazy::Moody& moody) {
    if (moody.n % 10 == 4) throw std::domain_error("not to be sent");
    to.value(moody.n);
  }
  static pool_lazy::Moody decode(Reader& from) {
    const int n = from.value<int>();
    if (n % 10 == 6) throw std::domain_error("not to be received");
    return {n};
  }
};

namespace {

using namespace pool_lazy;
using namespace std::chrono_literals;
using items::numbers;

template <class F>
auto results_of(F f, const std::vector<int>& items) {
  std::vector<decltype(f(0))> all;
  for (const int n : items) all.push_back(f(n));
  return all;
}
template <class R, class Range>
std::vector<R> gathered(Range range) {
  std::vector<R> all;
  for (auto&& each : range) all.push_back(each);
  return all;
}

class PoolLazyChunks : public testing::TestWithParam<int> {
 protected:
  brood::CallOptions options() const { return items::chunks_of(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(of, PoolLazyChunks, testing::Values(0, 1, 2, 7, 40, 1000), [](const auto& info) {
  return info.param == 0 ? "any_size" : std::to_string(info.param);
});

TEST_P(PoolLazyChunks, give_what_a_loop_gives_O02_O11_O13) {
  const nothing_left::Memory memory;
  brood::Pool pool(3);
  for (const int n : {0, 1, 2, 3, 100, 5000}) {
    const auto all = numbers(n);
    EXPECT_EQ(gathered<int>(pool.imap(options(), same, all)), all);
    auto unordered = gathered<int>(pool.imap_unordered(options(), same, all));
    std::ranges::sort(unordered);
    EXPECT_EQ(unordered, all);
    const auto words = results_of(parts, all);
    EXPECT_EQ(pool.map(options(), parts, all), words);
    EXPECT_EQ(gathered<std::vector<std::string>>(pool.imap(options(), parts, all)), words);
    EXPECT_EQ(pool.map(options(), parts, all | std::views::filter([](int) { return true; })), words);
  }
  // Results that need more than there is place for.
  std::vector<int> sizes(60, 3);
  for (std::size_t i = 0; i < sizes.size(); i += 7) sizes[i] = static_cast<int>(1000 * i * i);
  EXPECT_EQ(pool.map(options(), repeated, sizes), results_of(repeated, sizes));
  EXPECT_EQ(gathered<std::string>(pool.imap(options(), repeated, sizes)), results_of(repeated, sizes));
  pool.for_each([](int) {}, std::views::iota(0, 500) | std::views::filter([](int n) { return n % 2 == 0; }));
}

TEST_P(PoolLazyChunks, look_at_each_item_once) {
  brood::Pool pool(2);
  int looks = 0;
  const auto items = numbers(500);
  const auto counted = items | std::views::transform([&](int n) {
                         ++looks;
                         return n;
                       });
  EXPECT_EQ(pool.map(options(), same, counted), items);
  EXPECT_EQ(looks, 500);
  EXPECT_EQ(gathered<int>(pool.imap(options(), same, counted)), items);
  EXPECT_EQ(looks, 1000);
  EXPECT_EQ(pool.map(options(), parts, counted), results_of(parts, items));
  EXPECT_EQ(looks, 1500);
  std::istringstream text("3 1 4 1 5");  // read once, and gone
  EXPECT_EQ(pool.map(options(), same, std::views::istream<int>(text)), (std::vector<int>{3, 1, 4, 1, 5}));
}

TEST_P(PoolLazyChunks, lose_one_item_to_a_death) {
  const nothing_left::Memory memory;
  brood::Pool pool({.processes = 2, .restart_intensity = 100});
  const auto check = [&](auto outcomes) {
    int seen = 0;
    for (auto&& [n, outcome] : outcomes) {
      ++seen;
      if (n % 30 == 7)
        EXPECT_THROW(outcome.value(), brood::WorkerDied) << n;
      else if (n % 30 == 20)
        EXPECT_THROW(outcome.value(), std::out_of_range) << n;
      else
        EXPECT_EQ(outcome.value(), std::to_string(n));
    }
    EXPECT_EQ(seen, 200);
  };
  for (const bool ordered : {true, false}) {
    brood::Queue<int> ran;
    const auto items = numbers(200);
    if (ordered)
      check(pool.imap(options(), crashes_or_tells, items, ran).outcomes());
    else
      check(pool.imap_unordered(options(), crashes_or_tells, items, ran).outcomes());
    std::multiset<int> all;
    while (const auto n = ran.try_get()) all.insert(*n);
    EXPECT_EQ(all.size(), 200U);  // each of them once
    EXPECT_EQ(std::set<int>(all.begin(), all.end()).size(), 200U);
  }
  try {
    pool.map(options(), crashes_or_tells, numbers(100), brood::Queue<int>());
    ADD_FAILURE() << "no exception";
  } catch (const brood::WorkerDied& e) {
    EXPECT_EQ(e.arguments().rfind("7, ", 0), 0U) << e.arguments();
  }
}

TEST_P(PoolLazyChunks, carry_queues_there_and_back) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const auto items = numbers(30);
  std::vector<int> values;
  for (auto& queue : pool.map(options(), queue_with, items)) values.push_back(queue.get());
  EXPECT_EQ(values, items);
  values.clear();
  for (auto& queue : pool.imap(options(), queue_with, items)) values.push_back(queue.get());
  EXPECT_EQ(values, items);
  // Nobody but the map has these.
  EXPECT_EQ(pool.map(options(), value_in, items | std::views::transform(queue_with)), items);
  EXPECT_EQ(gathered<int>(pool.imap(options(), value_in, items | std::views::transform(queue_with))), items);
}

TEST_P(PoolLazyChunks, give_what_comes_before_an_item_that_cannot_travel) {
  brood::Pool pool(2);
  std::vector<Bad> items(100);
  for (int i = 0; auto& item : items) item.n = i++;
  const auto number = [](const Bad& bad) { return bad.n; };
  EXPECT_THROW(pool.map(options(), number, items), std::domain_error);
  std::vector<int> results;
  EXPECT_THROW(
      {
        for (const int n : pool.imap(options(), number, items)) results.push_back(n);
      },
      std::domain_error);
  EXPECT_EQ(results, numbers(25));
}

TEST_P(PoolLazyChunks, fail_by_the_result_that_cannot_travel) {
  brood::Pool pool(2);
  int good = 0;
  for (auto&& [n, outcome] : pool.imap(
                                     options(), [](int i) { return Moody{i}; }, numbers(100))
                                 .outcomes()) {
    if (n % 10 == 4 || n % 10 == 6) {
      EXPECT_FALSE(outcome) << n;
    } else {
      EXPECT_EQ(outcome.value().n, n);
      ++good;
    }
  }
  EXPECT_EQ(good, 80);
}

TEST_P(PoolLazyChunks, take_tuples_apart_O03) {
  brood::Pool pool(2);
  std::vector<std::tuple<int, const char*, int>> items;
  for (int i = 0; i < 100; ++i) items.emplace_back(i, "abc", 2);
  const auto sums = pool.starmap(options(), joined, items);
  for (int i = 0; const int sum : sums) EXPECT_EQ(sum, i++ + 5);
  EXPECT_EQ(pool.starmap_async(options(), joined, items).get(), sums);
  EXPECT_EQ(pool.starmap(options(), &joined,
                         std::map<int, std::pair<int, int>>{} |
                             std::views::transform([](auto&) { return std::make_tuple(1, "a", 1.0); })),
            std::vector<int>{});
  items[60] = {-1, "late", 2};
  try {
    pool.starmap(options(), joined, items);
    ADD_FAILURE() << "no exception";
  } catch (const brood::WorkerDied& e) {
    EXPECT_NE(e.task().find("joined"), std::string::npos) << e.task();
    EXPECT_EQ(e.arguments(), "-1, \"late\", 2");
  }
}

// A chunk gives what is done of it while it is at something that takes long.
TEST(PoolLazy, gives_what_is_done_of_a_chunk_O13) {
  brood::Pool pool(1);
  for (const bool ordered : {true, false}) {
    brood::Queue<int> queue;
    const auto run = [&](auto results) {
      auto at = results.begin();
      for (int i = 0; i < 4; ++i, ++at) EXPECT_EQ(*at, std::to_string(i));
      EXPECT_EQ(*at, "4");
      queue.put(77);
      EXPECT_EQ(*++at, "77");
      for (int i = 6; i < 10; ++i) EXPECT_EQ(*++at, std::to_string(i));
      EXPECT_EQ(++at, results.end());
    };
    const brood::CallOptions tens{.chunksize = 10};
    if (ordered)
      run(pool.imap(tens, waits_at_five, numbers(10), queue));
    else
      run(pool.imap_unordered(tens, waits_at_five, numbers(10), queue));
  }
}

TEST(PoolLazy, ends_with_the_pool) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  int good = 0;
  int failed = 0;
  auto results = pool.imap([](int n) { return std::to_string(n); }, std::views::iota(0)).outcomes();
  EXPECT_THROW(
      {
        for (auto&& [n, outcome] : results) {
          outcome ? ++good : ++failed;
          if (good == 10) pool.terminate();
        }
      },
      brood::Error);
  EXPECT_GE(good, 10);
}

TEST(PoolLazy, may_be_of_a_task_of_the_pool) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const auto length = [](int n) {
    std::size_t all = 0;
    for (const auto& each : brood::this_worker::pool().imap(repeated, std::views::iota(0, n)))
      all += each.size();
    return all;
  };
  EXPECT_EQ(pool.map(length, std::vector<int>{0, 10, 300}), (std::vector<std::size_t>{0, 45, 44850}));
}

TEST(PoolLazy, may_be_left_in_the_middle) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (int round = 0; round < 20; ++round) {
    int n = 0;
    for (const auto& text : pool.imap_unordered(repeated, std::views::iota(1))) {
      EXPECT_FALSE(text.empty());
      if (++n == 1 + 100 * round) break;
    }
  }
  EXPECT_EQ(pool.apply(same, 3), 3);
}

// Ten million items, whatever memory they would need together.
TEST(PoolLazy, takes_bounded_memory_O36) {
  const auto resident = [] {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  };
  brood::Pool pool(2);
  const auto before = resident();
  std::size_t most = 0;
  std::uint64_t n = 0;
  std::uint64_t sum = 0;
  for (const auto each : pool.imap_unordered([](std::uint64_t i) { return i; },
                                             std::views::iota(std::uint64_t{0}, std::uint64_t{10'000'000}))) {
    sum += each;
    if (++n % 100'000 == 0) most = std::max(most, resident());
  }
  EXPECT_EQ(n, 10'000'000U);
  EXPECT_EQ(sum, std::uint64_t{10'000'000} * 9'999'999 / 2);
  EXPECT_LT(most, before + (64 << 20));
}

}  // namespace
