// The cost of the next of many futures for the program, against the number of open ones.

#include <algorithm>
#include <brood/brood.hpp>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "harness.hpp"

namespace bench {
namespace {

constexpr int taken = 1000;

int work_100_us(int n) {
  for (const double until = seconds_now() + 100e-6; seconds_now() < until;) {
  }
  return n;
}

double thread_microseconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

/// The futures of so many tasks, of which few will be done; the others are dropped without a word.
class Open {
 public:
  explicit Open(int n) : pool(1) {
    pool.apply(work_100_us, 0);
    futures.reserve(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) futures.push_back(pool.apply_async(work_100_us, i));
  }
  ~Open() {
    for (auto& future : futures) future.cancel();
    pool.terminate();
  }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

  brood::Pool pool;
  std::vector<brood::Future<int>> futures;
};

// Of the waiting thread's own processor time, for each result after the first.
double as_completed(int n) {
  Open open(n);
  double before = 0;
  int came = 0;
  for (auto& future : brood::as_completed(open.futures)) {
    future.get();
    if (came++ == 0) before = thread_microseconds();
    if (came == taken) break;
  }
  return (thread_microseconds() - before) / (came - 1);
}

double wait_any(int n) {
  Open open(n);
  auto& futures = open.futures;
  const double before = thread_microseconds();
  int came = 0;
  for (; came < taken && !futures.empty(); ++came) {
    const auto i = open.pool.wait_any(futures);
    futures[i].get();
    std::swap(futures[i], futures.back());
    futures.pop_back();
  }
  return (thread_microseconds() - before) / came;
}

std::vector<Contender> for_each_number(double (*measure)(int), int most) {
  std::vector<Contender> all;
  for (int open = most; open >= 100; open /= 10) {
    const auto who = open == most ? std::string("brood") : "brood, " + std::to_string(open);
    all.push_back({who, [=] { return measure(open); }});
  }
  return all;
}

}  // namespace

std::vector<Case> future_cases() {
  return {
      {"as_completed, the next of 1,000,000 open futures", "us", false,
       for_each_number(as_completed, 1'000'000)},
      {"wait_any, the next of 10,000 open futures", "us", false, for_each_number(wait_any, 10'000)},
  };
}

}  // namespace bench
