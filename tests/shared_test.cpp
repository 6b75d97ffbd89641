// Shared<T>: sent once, decoded once in each process, never changed.

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <brood/shared.hpp>
#include <csignal>
#include <numeric>

#include "nothing_left.hpp"

namespace shared_value {

using Numbers = std::vector<double>;

/// Tells how often it was decoded in this process.
struct Counted {
  int value = 0;
  static inline int decoded = 0;
};

}  // namespace shared_value

template <>
struct brood::Codec<shared_value::Counted> {
  static void encode(Writer& to, const shared_value::Counted& counted) { to.value(counted.value); }
  static shared_value::Counted decode(Reader& from) {
    ++shared_value::Counted::decoded;
    return {from.value<int>()};
  }
};

namespace shared_value {

double at(std::size_t i, const Numbers& numbers) { return numbers.at(i); }
double by_copy(Numbers numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); }
double by_itself(const brood::Shared<Numbers>& numbers, std::size_t i) {
  return (*numbers)[i] + numbers->at(0);
}
int decodings(int, const Counted& counted) { return 100 * counted.value + Counted::decoded; }
int sum_of(const brood::Shared<Counted>& a, const Counted& b) { return a->value + b.value; }
void crash_with(const Numbers& numbers) {
  if (!numbers.empty()) raise(SIGKILL);
}
brood::Shared<Numbers> make(double x) { return brood::Shared<Numbers>(Numbers(1000, x)); }
double hand_on(const brood::Shared<Numbers>& numbers) {
  return brood::this_worker::pool().apply_async(at, std::size_t{1}, numbers).get();
}

}  // namespace shared_value

namespace {

using namespace shared_value;
using brood::Shared;

TEST(Shared, is_taken_as_the_value_or_as_itself) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  Numbers numbers(100'000);
  std::iota(numbers.begin(), numbers.end(), 1.0);
  const Shared<Numbers> shared(numbers);
  EXPECT_EQ(shared->size(), numbers.size());
  EXPECT_EQ(pool.apply(at, std::size_t{7}, shared), 8);
  EXPECT_EQ(pool.apply(by_itself, shared, std::size_t{7}), 9);
  EXPECT_EQ(pool.apply(by_copy, shared), by_copy(numbers));
  EXPECT_EQ(pool.apply([](const auto& s) { return s->size(); }, shared), numbers.size());
  const std::vector<std::size_t> which{0, 10, 99'999};
  EXPECT_EQ(pool.map(at, which, shared), (std::vector<double>{1, 11, 100'000}));
  EXPECT_EQ(pool.map({.chunksize = 2}, at, which, shared), (std::vector<double>{1, 11, 100'000}));
  double sum = 0;
  for (const double each : pool.imap(at, which, shared)) sum += each;
  EXPECT_EQ(sum, 100'012);
  EXPECT_EQ(pool.apply(hand_on, shared), 2);
}

TEST(Shared, is_decoded_once_in_each_process) {
  brood::Pool pool(1);
  const Shared<Counted> one(Counted{3}), other(Counted{4});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.apply(decodings, i, one), 301);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.apply(decodings, i, other), 402);
  for (const int each : pool.map(decodings, std::vector<int>(50), one)) EXPECT_EQ(each, 302);
  EXPECT_EQ(pool.apply(sum_of, one, other), 7);
}

TEST(Shared, comes_back_and_goes_through_queues) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  const auto made = pool.apply(make, 2.5);
  EXPECT_EQ(made->at(999), 2.5);
  brood::Queue<Shared<Numbers>> queue;
  queue.put(made);
  EXPECT_EQ(queue.get()->at(1), 2.5);
}

TEST(Shared, outlives_a_worker_that_was_killed_with_it) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  const auto shared = make(1.5);
  EXPECT_THROW(pool.apply(crash_with, shared), brood::WorkerDied);
  EXPECT_EQ(pool.apply(at, std::size_t{5}, shared), 1.5);
}

TEST(Shared, keeps_few_old_ones) {
  brood::Pool pool(1);
  std::vector<Shared<Counted>> many;
  for (int i = 0; i < 6; ++i) many.emplace_back(Counted{i});
  for (const auto& each : many) static_cast<void>(pool.apply(decodings, 0, each));
  EXPECT_EQ(pool.apply(decodings, 0, many[5]), 506);  // still there
  EXPECT_EQ(pool.apply(decodings, 0, many[0]), 7);    // anew
}

TEST(Shared, refuses_what_must_be_held) {
  EXPECT_THROW(Shared<brood::SharedBlock>(brood::SharedBlock(64)), brood::UsageError);
}

}  // namespace
