// oneTBB.

#include "harness.hpp"
#include "peers/peers.hpp"

#if BENCH_HAS_TBB
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include <future>
#include <memory>
#endif

namespace bench::peers {

#if BENCH_HAS_TBB

std::string tbb_name() {
  return "oneTBB " + std::to_string(TBB_VERSION_MAJOR) + "." + std::to_string(TBB_VERSION_MINOR);
}

namespace {

// The caller submits and waits, so `workers` threads beside it work, as in a pool.
class Arena {
 public:
  explicit Arena(int workers)
      : limit_(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(workers) + 1),
        arena_(workers, 0) {}
  std::future<int> submit(int (*f)(int), int x) {
    // A promise for each: what a caller needs who wants each result.
    auto promise = std::make_shared<std::promise<int>>();
    auto future = promise->get_future();
    arena_.enqueue([promise = std::move(promise), f, x] { promise->set_value(f(x)); });
    return future;
  }

 private:
  tbb::global_control limit_;
  tbb::task_arena arena_;
};

long fib(int n) {
  if (n < 2) return n;
  long a = 0, b = 0;
  tbb::task_group group;
  group.run([&] { a = fib(n - 1); });
  group.run([&] { b = fib(n - 2); });
  group.wait();
  return a + b;
}

}  // namespace

double tbb_tasks(int n, int workers, int (*f)(int)) {
  Arena arena(workers);
  arena.submit(f, 0).get();
  return million_a_second(n, [&](int i) { return arena.submit(f, i); });
}

double tbb_latency(int n, int workers, int (*f)(int)) {
  Arena arena(workers);
  arena.submit(f, 0).get();
  return microseconds_each(n, [&](int i) { arena.submit(f, i).get(); });
}

double tbb_seconds(int n, int workers, int (*f)(int), int argument) {
  Arena arena(workers);
  arena.submit(f, argument).get();
  return seconds_for(n, static_cast<long>(n) * argument, [&](int) { return arena.submit(f, argument); });
}

double tbb_fib(int n, int workers) {
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(workers));
  tbb::task_arena arena(workers);
  arena.execute([] { fib(5); });
  const Metered metered(calls_of_fib(n));
  long result = 0;
  arena.execute([&] { result = fib(n); });
  return result == fib_of(n) ? calls_of_fib(n) / metered.seconds() / 1e6 : -1;
}

#else

std::string tbb_name() { return "oneTBB (libtbb-dev)"; }
double tbb_tasks(int, int, int (*)(int)) { return -1; }
double tbb_latency(int, int, int (*)(int)) { return -1; }
double tbb_seconds(int, int, int (*)(int), int) { return -1; }
double tbb_fib(int, int) { return -1; }

#endif

}  // namespace bench::peers
