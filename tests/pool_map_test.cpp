// Pool: many calls.

#include <sys/resource.h>

#include <algorithm>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <ranges>
#include <thread>

#include "items.hpp"
#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;
using items::numbers;
using items::square;
using items::squares;

int picky(int i) {
  if (i % 10 == 3) throw std::invalid_argument("not " + std::to_string(i));
  return i;
}

/// 0, 1, 2, ... for ever or until it throws; counts what was pulled out of it.
struct Source {
  int* pulled;
  int throws_at = -1;
  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    Source* source = nullptr;
    int at = 0;
    int operator*() const {
      if (at == source->throws_at) throw std::domain_error("the input throws");
      return at;
    }
    iterator& operator++() {
      ++at;
      ++*source->pulled;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return false; }
  };
  iterator begin() { return {this, 0}; }
  std::default_sentinel_t end() { return {}; }
};

TEST(PoolMap, equals_the_serial_map) {  // O02 O04 F02 F09
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  EXPECT_EQ(pool.map(square, numbers(100)), squares(100));
  EXPECT_EQ(pool.map<square>(numbers(100)), squares(100));
  EXPECT_EQ(pool.map_async(square, numbers(1000)).get(), squares(1000));
  EXPECT_EQ(pool.map(square, std::list<int>{3, 2}), (std::vector<int>{9, 4}));
  EXPECT_EQ(pool.map(square, std::views::iota(0, 50)), squares(50));
  EXPECT_EQ(pool.map([](const std::string& s) { return s.size(); }, std::vector<const char*>{"a", "bb"}),
            (std::vector<std::size_t>{1, 2}));
}

TEST(PoolMap, gives_extra_arguments_to_every_call) {
  brood::Pool pool(2);
  const auto add = [](int a, int b, const std::string& c) { return std::to_string(a + b) + c; };
  EXPECT_EQ(pool.map(add, numbers(3), 10, "!"), (std::vector<std::string>{"10!", "11!", "12!"}));
  std::vector<std::string> lazy;
  for (auto& s : pool.imap(add, numbers(3), 20, "?")) lazy.push_back(s);
  EXPECT_EQ(lazy, (std::vector<std::string>{"20?", "21?", "22?"}));
}

TEST(PoolMap, takes_tuples_apart) {  // O03
  brood::Pool pool(2);
  const auto add = [](int a, int b) { return a + b; };
  EXPECT_EQ(pool.starmap(add, std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}), (std::vector<int>{3, 7}));
  EXPECT_EQ(pool.starmap_async(add, std::vector<std::tuple<int, int>>{{1, 2}, {3, 4}}).get(15s),
            (std::vector<int>{3, 7}));
}

TEST(PoolMap, of_nothing_is_nothing) {  // O07 O17
  brood::Pool pool(2);
  const std::vector<int> none;
  EXPECT_TRUE(pool.map(square, none).empty());
  auto later = pool.map_async(square, none);
  EXPECT_TRUE(later.ready());
  EXPECT_TRUE(later.get().empty());
  for ([[maybe_unused]] const int i : pool.imap(square, none)) ADD_FAILURE();
  for ([[maybe_unused]] const int i : pool.imap_unordered(square, none)) ADD_FAILURE();
  for ([[maybe_unused]] auto& one : pool.imap(square, none).outcomes()) ADD_FAILURE();
}

TEST(PoolMap, of_functions_without_a_result) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> queue;
  const auto put = [](int i, brood::Queue<int> q) { q.put(i); };
  pool.map(put, numbers(10), queue);
  EXPECT_EQ(queue.qsize(), 10U);
  int n = 0;
  for ([[maybe_unused]] auto& nothing : pool.imap(put, numbers(10), queue)) ++n;
  for (auto& [item, outcome] : pool.imap_unordered(put, numbers(10), queue).outcomes()) {
    n += outcome ? 1 : 0;
  }
  EXPECT_EQ(n, 20);
  EXPECT_EQ(queue.qsize(), 30U);
}

TEST(PoolMap, moves_what_cannot_be_copied) {
  brood::Pool pool(2);
  std::vector<std::unique_ptr<int>> items;
  for (int i = 0; i < 10; ++i) items.push_back(std::make_unique<int>(i));
  const auto back = pool.map(
      [](std::unique_ptr<int> p) { return p; },
      std::ranges::subrange(std::make_move_iterator(items.begin()), std::make_move_iterator(items.end())));
  ASSERT_EQ(back.size(), 10U);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(*back[static_cast<std::size_t>(i)], i);
}

TEST(PoolMap, runs_all_items_and_throws_the_first_items_failure) {  // O22
  brood::Pool pool(2);
  brood::Queue<int> done;
  try {
    pool.map(
        [](int i, brood::Queue<int> q) {
          if (i % 10 == 3) throw std::invalid_argument(std::to_string(i) + std::string(1 << 20, 'x'));
          q.put(i);
        },
        numbers(40), done);
    ADD_FAILURE();
  } catch (const std::invalid_argument& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, 2), "3x");
  }
  EXPECT_EQ(done.qsize(), 36U);
}

TEST(PoolMap, lazy_gives_results_in_order) {  // O11
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::vector<int> results;
  for (const int n : pool.imap(square, numbers(1000))) results.push_back(n);
  EXPECT_EQ(results, squares(1000));
  results.clear();
  for (const int n : pool.imap<square>(numbers(100))) results.push_back(n);
  EXPECT_EQ(results, squares(100));
}

TEST(PoolMap, unordered_gives_all_results) {  // O13 X22
  brood::Pool pool(2);
  std::vector<int> results;
  for (const int n : pool.imap_unordered(square, numbers(1000))) results.push_back(n);
  std::sort(results.begin(), results.end());
  EXPECT_EQ(results, squares(1000));
}

TEST(PoolMap, unordered_gives_what_is_ready_first) {
  brood::Pool pool(2);
  brood::Queue<int> queue;
  auto results =
      pool.imap_unordered([](int i, brood::Queue<int> q) { return i == 0 ? q.get() : i; }, numbers(2), queue);
  auto at = results.begin();
  EXPECT_EQ(*at, 1);
  queue.put(77);
  ++at;
  EXPECT_EQ(*at, 77);
}

TEST(PoolMap, lazy_throws_a_failure_at_its_turn_and_goes_on) {  // O11
  brood::Pool pool(2);
  auto results = pool.imap(picky, numbers(25));
  int i = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++i) {
    if (i % 10 == 3)
      EXPECT_THROW(*at, std::invalid_argument);
    else
      EXPECT_EQ(*at, i);
  }
  EXPECT_EQ(i, 25);
}

TEST(PoolMap, outcomes_throw_nothing) {
  brood::Pool pool(2);
  const auto items = numbers(30);
  int i = 0;
  for (auto&& [item, outcome] : pool.imap(picky, items).outcomes()) {
    EXPECT_EQ(item, i);
    EXPECT_EQ(static_cast<bool>(outcome), i % 10 != 3);
    if (outcome)
      EXPECT_EQ(*outcome, i);
    else
      EXPECT_EQ(outcome.error().what(), "not " + std::to_string(i));
    ++i;
  }
  EXPECT_EQ(i, 30);
  int failures = 0;
  for (auto&& [item, outcome] : pool.imap_unordered(picky, items).outcomes()) {
    if (!outcome) {
      EXPECT_EQ(outcome.error().what(), "not " + std::to_string(item));
    }
    failures += outcome ? 0 : 1;
  }
  EXPECT_EQ(failures, 3);
}

TEST(PoolMap, lazy_reads_an_endless_input_a_bounded_way_ahead) {  // O36 R7
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  int pulled = 0;
  const int most_ahead = 4 * 2 * 64 * 1024 / 8;  // four chunks for each worker; an int and its square
  {
    int taken = 0;
    for (const int n : pool.imap(square, Source{&pulled})) {
      ASSERT_EQ(n, taken * taken);
      ++taken;
      ASSERT_LE(pulled, taken + most_ahead);
      if (taken == 5000) break;
    }
    pulled = 0;
    taken = 0;
    for ([[maybe_unused]] const int n : pool.imap_unordered(square, Source{&pulled})) {
      ++taken;
      ASSERT_LE(pulled, taken + most_ahead);
      if (taken == 5000) break;
    }
  }
  EXPECT_EQ(pool.apply(square, 3), 9);
}

// What takes long is not read long before.
TEST(PoolMap, lazy_reads_little_ahead_of_slow_tasks) {  // O36
  brood::Pool pool(2);
  int pulled = 0;
  int taken = 0;
  const auto slow = [](int n) {
    std::this_thread::sleep_for(1ms);
    return n;
  };
  for ([[maybe_unused]] const int n : pool.imap_unordered(slow, Source{&pulled})) {
    ++taken;
    ASSERT_LE(pulled, taken + 2 * 64);
    if (taken == 300) break;
  }
}

TEST(PoolMap, throws_what_the_input_throws_undecorated) {  // O08 O20
  brood::Pool pool(2);
  for (const int at : {0, 7}) {
    int pulled = 0;
    for (int again = 0; again < 3; ++again) {
      try {
        pool.map(square, Source{&pulled, at});
        ADD_FAILURE();
      } catch (const std::domain_error& e) {
        EXPECT_STREQ(e.what(), "the input throws");
        EXPECT_EQ(dynamic_cast<const brood::RemoteTrace*>(&e), nullptr);
      }
    }
  }
  EXPECT_EQ(pool.map(square, numbers(5)), squares(5));
}

TEST(PoolMap, lazy_gives_the_results_before_the_input_throws) {  // O12 O14
  brood::Pool pool(2);
  for (const int at : {0, 1, 7, 300}) {
    int pulled = 0;
    std::vector<int> results;
    EXPECT_THROW(
        {
          for (const int n : pool.imap(square, Source{&pulled, at})) results.push_back(n);
        },
        std::domain_error);
    EXPECT_EQ(results, squares(at));
    results.clear();
    EXPECT_THROW(
        {
          for (const int n : pool.imap_unordered(square, Source{&pulled, at})) results.push_back(n);
        },
        std::domain_error);
    std::sort(results.begin(), results.end());
    EXPECT_EQ(results, squares(at));
  }
}

TEST(PoolMap, is_not_stopped_by_workers_that_die) {  // F08
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  int died = 0;
  int good = 0;
  for (auto&& [item, outcome] : pool.imap_unordered(
                                        [](int i) {
                                          if (i % 100 == 50) raise(SIGKILL);
                                          return i;
                                        },
                                        numbers(1000))
                                    .outcomes()) {
    if (outcome) {
      EXPECT_EQ(*outcome, item);
      ++good;
    } else {
      EXPECT_EQ(item % 100, 50);
      EXPECT_THROW(outcome.error().rethrow(), brood::WorkerDied);
      ++died;
    }
  }
  EXPECT_EQ(good, 990);
  EXPECT_EQ(died, 10);
}

TEST(PoolMap, asynchronous_waits_with_a_limit) {
  brood::Pool pool(1);
  brood::Queue<int> queue;
  auto results = pool.map_async([](int i, brood::Queue<int> q) { return i + q.get(); }, numbers(3), queue);
  EXPECT_FALSE(results.ready());
  EXPECT_FALSE(results.wait(20ms));
  EXPECT_THROW(results.get(20ms), brood::TimeoutError);
  for (int i = 0; i < 3; ++i) queue.put(10);
  EXPECT_EQ(results.get(15s), (std::vector<int>{10, 11, 12}));
  EXPECT_TRUE(results.successful());
}

// ---- items and results that can be little ----

using Only = std::unique_ptr<int>;
int value_of(const Only& only) { return *only; }
int sum_of_two(Only a, const Only& b) { return *a + *b; }
Only only(int i) { return std::make_unique<int>(i); }
std::vector<Only> onlys(int n) {
  std::vector<Only> all;
  for (int i = 0; i < n; ++i) all.push_back(only(i));
  return all;
}
std::vector<int> values_of(const std::vector<Only>& all) {
  std::vector<int> values;
  for (const auto& each : all) values.push_back(*each);
  return values;
}

TEST(PoolMap, takes_and_gives_what_can_only_be_moved) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  auto items = onlys(300);
  EXPECT_EQ(pool.map(value_of, items), numbers(300));
  EXPECT_EQ(pool.map({.chunksize = 1}, value_of, items), numbers(300));
  EXPECT_EQ(pool.map_async(value_of, items).get(), numbers(300));
  EXPECT_EQ(pool.map(sum_of_two, items, only(1)).at(7), 8);
  EXPECT_EQ(pool.apply(value_of, items[5]), 5);
  int sum = 0;
  for (const int n : pool.imap(value_of, items)) sum += n;
  EXPECT_EQ(sum, 300 * 299 / 2);
  EXPECT_EQ(values_of(items), numbers(300)) << "they were only looked at";
  EXPECT_EQ(pool.map(value_of, std::ranges::subrange(std::move_iterator(items.begin()),
                                                     std::move_sentinel(items.end()))),
            numbers(300));
  EXPECT_EQ(pool.map(value_of, onlys(300)), numbers(300));

  EXPECT_EQ(values_of(pool.map(only, numbers(300))), numbers(300));
  EXPECT_EQ(values_of(pool.map_async(only, numbers(300)).get()), numbers(300));
  EXPECT_EQ(values_of(pool.map({.chunksize = 1}, only, numbers(300))), numbers(300));
}

TEST(PoolMap, with_stars_takes_fields_out_of_what_was_given_up_alone) {
  brood::Pool pool(2);
  std::vector<std::pair<Only, Only>> pairs;
  for (int i = 0; i < 300; ++i) pairs.emplace_back(only(i), only(1));
  EXPECT_EQ(pool.starmap(sum_of_two, std::move(pairs)).at(299), 300);
  const std::string text(100, 'x');
  std::vector<std::pair<std::string, int>> kept(10, {text, 1});
  const auto length = [](const std::string& s, int n) { return s.size() + static_cast<std::size_t>(n); };
  EXPECT_EQ(pool.starmap(length, kept).at(9), 101U);
  EXPECT_EQ(pool.starmap(length, std::ranges::subrange(kept.begin(), kept.end())).at(9), 101U);
  EXPECT_EQ(kept.at(9).first, text);
}

struct Fixed {
  const int a;
  std::string b;
};
struct Chosen {  // can be made of nothing, and not be assigned
  const int a = 1;
};
Fixed fixed(int i) { return {i, std::to_string(i)}; }

TEST(PoolMap, gives_what_can_be_neither_assigned_nor_made_of_nothing) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const auto is_right = [](const std::vector<Fixed>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].a != static_cast<int>(i) || all[i].b != std::to_string(i)) return false;
    }
    return all.size() == 300;
  };
  EXPECT_TRUE(is_right(pool.map(fixed, numbers(300))));
  EXPECT_TRUE(is_right(pool.map({.chunksize = 1}, fixed, numbers(300))));
  EXPECT_TRUE(is_right(pool.map_async(fixed, numbers(300)).get()));
  EXPECT_TRUE(is_right(pool.map_async({.chunksize = 7}, fixed, numbers(300)).get()));
  EXPECT_EQ(pool.map([](int i) { return Chosen{i}; }, numbers(300)).at(299).a, 299);
  // One that is larger than what chunks have room for comes by itself.
  const auto large = [](int i) { return Fixed{i, std::string(i == 150 ? 3'000'000 : 1, 'x')}; };
  EXPECT_EQ(pool.map(large, numbers(300)).at(150).b.size(), 3'000'000U);
  const auto later = [](Fixed x, const Fixed& y) { return Fixed{x.a > y.a ? x.a : y.a, "later"}; };
  EXPECT_EQ(pool.reduce(pool.map(fixed, numbers(300)), Fixed{5, ""}, later).a, 299);
}

}  // namespace
