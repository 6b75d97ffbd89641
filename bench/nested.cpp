// Tasks that submit tasks; and pools of many more workers than processors.

#include <brood/brood.hpp>

#include "harness.hpp"
#include "peers/peers.hpp"

namespace bench {
namespace {

long fib(int n) {
  if (n < 2) return n;
  auto& pool = brood::this_worker::pool();
  auto a = pool.apply_async(fib, n - 1);
  auto b = pool.apply_async(fib, n - 2);
  return a.get() + b.get();
}

constexpr int small = 10, large = 20;

double brood_fib(int workers) {
  brood::Pool pool(workers);
  pool.apply(fib, 3);
  const Metered metered(calls_of_fib(small));
  const long result = pool.apply(fib, small);
  return result == fib_of(small) ? calls_of_fib(small) / metered.seconds() / 1e6 : -1;
}

int nothing(int x) { return x; }

// Once they have all been born.
double brood_tasks(int workers) {
  brood::Queue<int> up;
  brood::Pool pool(
      workers, [](brood::Queue<int> to) { to.put(1); }, up);
  for (int i = 0; i < workers; ++i) up.get();
  pool.apply(nothing, 0);
  return million_a_second(200'000, [&](int i) { return pool.apply_async(nothing, i); });
}

std::vector<Contender> pools(double (*measure)(int), std::vector<int> sizes) {
  std::vector<Contender> all;
  for (const int n : sizes)
    all.push_back({"brood Pool(" + std::to_string(n) + ")", [measure, n] { return measure(n); }});
  return all;
}

}  // namespace

std::vector<Case> nested_cases() {
  auto nested = pools(brood_fib, {2, 1, 8, 64});
  nested.push_back({peers::tbb_name() + " task_group, 2", [] { return peers::tbb_fib(large, 2); }});
  nested.push_back({peers::openmp_name() + ", 2", [] { return peers::openmp_fib(large, 2); }});
  return {{"tasks that submit two tasks (fib), calls", "M/s", true, std::move(nested)},
          {"empty tasks, many more workers than processors", "M/s", true,
           pools(brood_tasks, {2, 1, 16, 64, 256}), true}};
}

}  // namespace bench
