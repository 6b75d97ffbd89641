// Pool: one call. Arguments, results, exceptions, futures, callbacks.

#include <brood/pool.hpp>
#include <complex>
#include <filesystem>
#include <limits>
#include <numeric>
#include <set>
#include <thread>

#include <brood/process.hpp>
#include <brood/queue.hpp>

#include "nothing_left.hpp"
#include "what_it_threw.hpp"

namespace pool_test {

int twice(int i) { return 2 * i; }
int add(int a, int b) { return a + b; }
int pid() { return getpid(); }

struct Options {
  std::string weather = "hot";
  int times = 3;
};
std::string report(Options o) { return o.weather + std::to_string(o.times); }

struct Adder {
  int to;
  int operator()(int i) const { return to + i; }
};

class Counter {
 public:
  int value = 0;
  int plus(int n) const { return value + n; }
  static int triple(int i) { return 3 * i; }
};

enum class Bad { none, encode, decode };
struct Fragile {
  Bad bad = Bad::none;
};

}  // namespace pool_test

template <>
struct brood::Codec<pool_test::Fragile> {
  static void encode(Writer& to, const pool_test::Fragile& f) {
    if (f.bad == pool_test::Bad::encode) throw std::length_error("cannot be written");
    to.value(f.bad);
  }
  static pool_test::Fragile decode(Reader& from) {
    pool_test::Fragile f{from.value<pool_test::Bad>()};
    if (f.bad == pool_test::Bad::decode) throw std::out_of_range("cannot be built");
    return f;
  }
};

namespace {

using namespace pool_test;
using namespace std::chrono_literals;

TEST(Pool, runs_functions_of_every_form) {  // F01
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  EXPECT_EQ(pool.size(), 2);
  EXPECT_EQ(pool.apply(twice, 21), 42);
  EXPECT_EQ(pool.apply(&twice, 21), 42);
  EXPECT_EQ(pool.apply<twice>(21), 42);
  EXPECT_EQ(pool.apply_async<add>(1, 2).get(), 3);
  EXPECT_EQ(pool.apply(brood::fn<twice>, 4), 8);
  EXPECT_EQ(pool.apply([](int a, std::string b) { return b + std::to_string(a); }, 1, "x"), "x1");
  EXPECT_EQ(pool.apply(Adder{5}, 6), 11);
  EXPECT_EQ(pool.apply(&Counter::plus, Counter{40}, 2), 42);
  EXPECT_EQ(pool.apply(&Counter::triple, 3), 9);
  EXPECT_EQ(pool.apply(report, Options{.times = 7}), "hot7");
  EXPECT_EQ(pool.apply([](std::filesystem::path p) { return p.filename(); }, "/a/b.pdf"), "b.pdf");
  EXPECT_EQ(pool.apply([](const std::vector<std::complex<double>>& v) { return v.at(1); },
                       std::vector<std::complex<double>>{1, {2, 3}}),
            (std::complex<double>{2, 3}));
  EXPECT_NE(pool.apply(pid), getpid());
  pool.apply([] {});
  pool.apply_async([](int) {}, 1).get();
}

TEST(Pool, moves_what_cannot_be_copied) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  auto back = pool.apply([](std::unique_ptr<int> p) { return std::make_unique<int>(*p + 1); },
                         std::make_unique<int>(1));
  EXPECT_EQ(*back, 2);
  auto many = pool.apply([](std::vector<std::unique_ptr<std::string>> v) { return v; },
                         std::vector<std::unique_ptr<std::string>>(3));
  EXPECT_EQ(many.size(), 3U);
}

TEST(Pool, carries_values_of_any_size) {  // O23
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{150}, std::size_t{199}, std::size_t{200},
        std::size_t{201}, std::size_t{215}, std::size_t{216}, std::size_t{217}, std::size_t{5000},
        std::size_t{1} << 20, std::size_t{64} << 20}) {
    const std::string sent(size, 'q');
    EXPECT_EQ(pool.apply([](const std::string& s) { return s.size(); }, sent), size);
    EXPECT_TRUE(pool.apply([](std::size_t n) { return std::string(n, 'q'); }, size) == sent) << size;
    EXPECT_TRUE(pool.apply([](std::string s) { return s; }, sent) == sent) << size;
  }
  std::vector<brood::Future<std::string>> futures;
  for (int i = 0; i < 100; ++i) {
    futures.push_back(pool.apply_async([](std::string s) { return s + "!"; }, std::string(1 << 20, 'x')));
  }
  for (auto& future : futures) EXPECT_EQ(future.get(60s).size(), (std::size_t{1} << 20) + 1);
}

TEST(Pool, forgets_results_that_nobody_takes) {  // O23
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (int i = 0; i < 50; ++i) pool.apply_async([] { return std::string(1 << 20, 'x'); });
}

TEST(Pool, forgets_queues_in_results_that_nobody_takes) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (int i = 0; i < 5; ++i) pool.apply_async([] { return brood::Queue<int>(); });
}

TEST(Pool, tells_what_cannot_be_written_to_the_caller) {  // F24
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  EXPECT_THROW(pool.apply_async([](Fragile) {}, Fragile{Bad::encode}), std::length_error);
  EXPECT_EQ(pool.apply(twice, 1), 2);
  EXPECT_EQ(pool.counts().queued, 0U);
}

TEST(Pool, tells_what_cannot_be_built_as_the_tasks_failure) {  // O27 F24 X18
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const int worker = pool.apply(pid);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(pool.apply([](Fragile) {}, Fragile{Bad::decode}), std::out_of_range);
    EXPECT_THROW(pool.apply([] { return Fragile{Bad::encode}; }), std::length_error);
    auto future = pool.apply_async([] { return Fragile{Bad::decode}; });
    try {
      future.get();
      ADD_FAILURE();
    } catch (const std::exception& e) {
      EXPECT_NE(std::string(e.what()).find("cannot be built"), std::string::npos) << e.what();
    }
  }
  EXPECT_EQ(pool.counts().restarts, 0U);
  EXPECT_EQ(kill(worker, 0), 0);
}

TEST(Pool, refuses_sizes_below_one) {  // F07 O30
  EXPECT_THROW(brood::Pool(0), brood::UsageError);
  EXPECT_THROW(brood::Pool(-1), brood::UsageError);
  EXPECT_THROW(brood::Pool(1'000'000'000), brood::NoMemory);
}

TEST(Pool, refuses_options_that_cannot_be_met_and_names_them) {
  using std::chrono::nanoseconds;
  constexpr int least = std::numeric_limits<int>::min();
  const std::pair<const char*, brood::PoolOptions> table[] = {
      {"processes", {.processes = 0}},
      {"processes", {.processes = least}},
      {"max_tasks_per_child", {.max_tasks_per_child = 0}},
      {"max_tasks_per_child", {.max_tasks_per_child = least}},
      {"name", {.name = ""}},
      {"name", {.name = std::string("a\0b", 3)}},
      {"max_worker_age", {.max_worker_age = nanoseconds(0)}},
      {"max_worker_age", {.max_worker_age = nanoseconds::min()}},
      {"max_worker_memory", {.max_worker_memory = 0}},
      {"memory_limit", {.memory_limit = 0}},
      {"restart_intensity", {.restart_intensity = -1}},
      {"restart_period", {.restart_period = nanoseconds(0)}},
      {"restart_period", {.restart_period = nanoseconds(-1)}},
      {"max_pending", {.max_pending = 0}},
      {"max_pending", {.max_pending = -7}},
  };
  for (const auto& [name, options] : table) {
    const auto text = what_it_threw::text_of<brood::UsageError>([&] { brood::Pool pool(options); });
    EXPECT_NE(text.find(name), std::string::npos) << name << ": " << text;
  }
}

TEST(Pool, has_as_many_workers_as_usable_processors) {
  brood::Pool pool;
  EXPECT_EQ(pool.size(), brood::usable_cpu_count());
}

TEST(Pool, runs_the_initializer_in_each_worker) {  // F36
  const nothing_left::Memory memory;
  static int state = 0;
  brood::Pool pool(
      3, [](int a, std::string b) { state = a + static_cast<int>(b.size()); }, 40, "ab");
  for (int i = 0; i < 30; ++i) EXPECT_EQ(pool.apply([] { return state; }), 42);
  EXPECT_EQ(state, 0);
  brood::Queue<int> queue;
  brood::Pool named(
      brood::PoolOptions{.processes = 2, .name = "Reader"},
      [](brood::Queue<int> q) { q.put(brood::this_worker::index()); }, queue);
  EXPECT_EQ(queue.get(15s) + queue.get(15s), 1);
}

TEST(Pool, tells_a_worker_who_it_is) {
  EXPECT_FALSE(brood::this_worker::exists());
  EXPECT_THROW(brood::this_worker::index(), brood::UsageError);
  brood::Pool pool(3);
  std::set<int> indices;
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 60; ++i) {
    const auto [index, seed, incarnation, exists, name] = pool.apply([] {
      return std::tuple(brood::this_worker::index(), brood::this_worker::seed(),
                        brood::this_worker::incarnation(), brood::this_worker::exists(),
                        brood::current_process().name());
    });
    indices.insert(index);
    seeds.insert(seed);
    EXPECT_EQ(incarnation, 1U);
    EXPECT_TRUE(exists);
    EXPECT_EQ(name, "PoolWorker-" + std::to_string(index + 1));
  }
  EXPECT_EQ(seeds.size(), indices.size());
  EXPECT_GE(*indices.begin(), 0);
  EXPECT_LE(*indices.rbegin(), 2);
}

TEST(Pool, counts_what_it_does) {  // R15
  brood::Pool pool(2);
  brood::Queue<int> begun;
  brood::Queue<int> go_on;
  std::vector<brood::Future<void>> futures;
  for (int i = 0; i < 10; ++i) {
    futures.push_back(pool.apply_async(
        [](brood::Queue<int> b, brood::Queue<int> g) {
          b.put(1);
          if (g.get() == 1) throw std::runtime_error("asked for");
        },
        begun, go_on));
  }
  begun.get(15s);
  begun.get(15s);
  auto counts = pool.counts();
  EXPECT_EQ(counts.running, 2U);
  EXPECT_EQ(counts.queued, 8U);
  EXPECT_EQ(counts.workers, 2);
  for (int i = 0; i < 10; ++i) go_on.put(i < 3 ? 1 : 0);
  for (auto& future : futures) future.wait();
  for (auto& future : futures) static_cast<void>(future.successful());
  counts = pool.counts();
  EXPECT_EQ(counts.running + counts.queued, 0U);
  EXPECT_EQ(counts.done, 7U);
  EXPECT_EQ(counts.failed, 3U);
  EXPECT_EQ(counts.restarts, 0U);
}

TEST(Pool, is_used_by_several_threads_at_once) {  // X13
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::vector<brood::Future<int>> futures;
      for (int i = 0; i < 500; ++i) futures.push_back(pool.apply_async(add, t, i));
      for (int i = 0; i < 500; ++i) right += futures[static_cast<std::size_t>(i)].get() == t + i;
      for (int i = 0; i < 100; ++i) right += pool.apply(add, t, i) == t + i;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 6 * 600);
}

TEST(Pool, of_200_workers_sums_1000_squares) {  // O33
  const nothing_left::Memory memory;
  brood::Pool pool(200);
  int sum = 0;
  std::vector<int> items(1000);
  std::iota(items.begin(), items.end(), 0);
  for (const int n : pool.map([](int i) { return i * i; }, items)) sum += n;
  EXPECT_EQ(sum, 332'833'500);
}

TEST(Pool, may_be_inside_a_worker_of_a_pool) {  // X20 P39
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const std::vector<int> items = {1, 2, 3, 4};
  const auto sums = pool.map(
      [](int n) {
        brood::Pool inner(2);
        int sum = 0;
        for (const int i : inner.map(twice, std::vector<int>(static_cast<std::size_t>(n), n))) sum += i;
        return sum;
      },
      items);
  EXPECT_EQ(sums, (std::vector<int>{2, 8, 18, 32}));
}

TEST(Pool, moves) {
  brood::Pool first(1);
  auto future = first.apply_async(twice, 1);
  brood::Pool second = std::move(first);
  EXPECT_EQ(future.get(), 2);
  EXPECT_EQ(second.apply(twice, 2), 4);
  EXPECT_THROW(first.apply(twice, 3), brood::UsageError);  // NOLINT(bugprone-use-after-move): what is tested
}

TEST(Pool, waits_for_any_of_several) {  // F37
  brood::Pool pool(2);
  brood::Queue<int> queue;
  std::vector<brood::Future<int>> futures;
  EXPECT_THROW(pool.wait_any(futures), brood::UsageError);
  std::vector<brood::Future<int>> empty(2);
  EXPECT_THROW(pool.wait_any(empty), brood::UsageError);
  brood::Pool other(1);
  std::vector<brood::Future<int>> others;
  others.push_back(other.apply_async([](brood::Queue<int> q) { return q.get(); }, queue));
  EXPECT_THROW(pool.wait_any(others), brood::UsageError);
  queue.put(0);
  others[0].wait();
  futures.push_back(pool.apply_async([](brood::Queue<int> q) { return q.get(); }, queue));
  futures.push_back(pool.apply_async(twice, 2));
  EXPECT_EQ(pool.wait_any(futures), 1U);
  queue.put(1);
  EXPECT_EQ(futures[0].get(), 1);
}

}  // namespace
