// Tasks of a pool: many small calls, each with its own future; and one at a time.

#include <algorithm>
#include <brood/brood.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <numeric>
#include <thread>

#include "floors/floors.hpp"
#include "harness.hpp"
#include "peers.hpp"

namespace bench {
namespace {

constexpr int workers = 2;

int nothing(int x) { return x; }

// The usual thread pool: a queue, a mutex, a condition variable, std::packaged_task.
class ThreadPool {
 public:
  explicit ThreadPool(int n) {
    for (int i = 0; i < n; ++i) threads_.emplace_back([this] { work(); });
  }
  ~ThreadPool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (auto& t : threads_) t.join();
  }
  std::future<int> submit(int (*f)(int), int x) {
    std::packaged_task<int()> task([f, x] { return f(x); });
    auto future = task.get_future();
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
    return future;
  }

 private:
  void work() {
    for (;;) {
      std::packaged_task<int()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::packaged_task<int()>> tasks_;
  std::vector<std::thread> threads_;
  bool stop_ = false;
};

double brood_tasks() {
  brood::Pool pool(workers);
  pool.apply(nothing, 0);
  return million_a_second(300000, [&](int i) { return pool.apply_async(nothing, i); });
}
double thread_tasks() {
  ThreadPool pool(workers);
  return million_a_second(300000, [&](int i) { return pool.submit(nothing, i); });
}
double python_tasks() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): return x\n"
      "p=m.Pool(2); p.apply(f,(1,)); t=time.time()\n"
      "r=[p.apply_async(f,(i,)) for i in range(20000)]\n"
      "s=sum(x.get() for x in r)\n"
      "print(20000/(time.time()-t)/1e6)\n"
      "p.terminate()");
}

double python_executor() {
  return python(
      "from concurrent.futures import ProcessPoolExecutor as E\n"
      "import time\n"
      "def f(x): return x\n"
      "p=E(2); p.submit(f,1).result(); t=time.time()\n"
      "r=[p.submit(f,i) for i in range(5000)]\n"
      "s=sum(x.result() for x in r)\n"
      "print(5000/(time.time()-t)/1e6)\n"
      "p.shutdown()");
}

// Works for so long, without a system call.
int busy(int microseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < until) {
  }
  return microseconds;
}

// What two processors would have needed, of what it took.
template <class Submit>
double efficiency(int microseconds, Submit submit) {
  const int n = 400'000 / microseconds;
  std::vector<decltype(submit())> futures;
  futures.reserve(static_cast<std::size_t>(n));
  const double begun = seconds_now();
  for (int i = 0; i < n; ++i) futures.push_back(submit());
  for (auto& each : futures) {
    if (each.get() != microseconds) return -1;
  }
  return n * microseconds * 1e-6 / std::min(workers, brood::usable_cpu_count()) / (seconds_now() - begun) *
         100;
}
double brood_efficiency(int microseconds) {
  brood::Pool pool(workers);
  pool.apply(busy, microseconds);
  return efficiency(microseconds, [&] { return pool.apply_async(busy, microseconds); });
}
double thread_efficiency(int microseconds) {
  ThreadPool pool(workers);
  pool.submit(busy, microseconds).get();
  return efficiency(microseconds, [&] { return pool.submit(busy, microseconds); });
}

int square(int x) { return static_cast<int>(static_cast<unsigned>(x) * static_cast<unsigned>(x)); }
std::vector<int> ints(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Some before, until all workers are there; then ten.
template <class Map>
double million_mapped(std::size_t items, Map map) {
  for (int i = 0; i < 3; ++i) map();
  const double begun = seconds_now();
  for (int i = 0; i < 10; ++i) map();
  return 10 * static_cast<double>(items) / (seconds_now() - begun) / 1e6;
}

double brood_map() {
  brood::Pool pool(workers);
  const auto items = ints(100'000);
  bool right = true;
  const double speed = million_mapped(items.size(), [&] {
    const auto squares = pool.map(square, items);
    right = right && squares.size() == items.size() && squares[300] == 90'000;
  });
  return right ? speed : -1;
}
double thread_map() {
  const auto items = ints(100'000);
  bool right = true;
  const double speed = million_mapped(items.size(), [&] {
    std::vector<int> squares(items.size());
    {
      std::vector<std::jthread> threads;
      const std::size_t part = items.size() / workers;
      for (std::size_t w = 0; w < workers; ++w) {
        threads.emplace_back([&, w] {
          for (std::size_t i = w * part; i < (w + 1) * part; ++i) squares[i] = square(items[i]);
        });
      }
    }
    right = right && squares[300] == 90'000;
  });
  return right ? speed : -1;
}
double python_map() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): return x*x\n"
      "p=m.Pool(2); i=list(range(100000)); p.map(f,i); t=time.time()\n"
      "for k in range(10): r=p.map(f,i)\n"
      "print(1/(time.time()-t))\n"
      "p.terminate()");
}

double brood_imap() {
  brood::Pool pool(workers);
  const auto items = ints(1'000'000);
  pool.apply(square, 0);
  std::size_t n = 0;
  const double begun = seconds_now();
  for ([[maybe_unused]] const int each : pool.imap_unordered(square, items)) ++n;
  return n == items.size() ? 1 / (seconds_now() - begun) : -1;
}
double python_imap() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): return x*x\n"
      "p=m.Pool(2); p.apply(f,(1,)); t=time.time()\n"
      "n=sum(1 for x in p.imap_unordered(f,range(100000)))\n"
      "print(0.1/(time.time()-t))\n"
      "p.terminate()");
}

double brood_latency() {
  brood::Pool pool(workers);
  pool.apply(nothing, 0);
  return microseconds_each(20000, [&](int i) { pool.apply(nothing, i); });
}
double thread_latency() {
  ThreadPool pool(workers);
  return microseconds_each(20000, [&](int i) { pool.submit(nothing, i).get(); });
}

double brood_ready() {
  const double begun = seconds_now();
  brood::Pool pool(workers);
  pool.apply(nothing, 0);
  return (seconds_now() - begun) * 1e6;
}
double python_ready() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): return x\n"
      "t=time.time(); p=m.Pool(2); p.apply(f,(1,)); print((time.time()-t)*1e6)\n"
      "p.terminate()");
}

}  // namespace

std::vector<Case> task_cases() {
  return {
      {"empty tasks, a future each",
       "M/s",
       true,
       {{"brood Pool(2)", brood_tasks},
        {"std::thread pool, packaged_task", thread_tasks},
        {peers::asio_name(), [] { return peers::asio_tasks(300'000, workers); }},
        {"Python multiprocessing.Pool(2)", python_tasks},
        {"Python ProcessPoolExecutor(2)", python_executor},
        {"floor: bare lanes", floors::lanes}}},
      {"tasks of 1 us, share of the processors' time that is theirs",
       "%",
       true,
       {{"brood Pool(2)", [] { return brood_efficiency(1); }},
        {"std::thread pool, packaged_task", [] { return thread_efficiency(1); }}}},
      {"tasks of 10 us, share of the processors' time that is theirs",
       "%",
       true,
       {{"brood Pool(2)", [] { return brood_efficiency(10); }},
        {"std::thread pool, packaged_task", [] { return thread_efficiency(10); }}}},
      {"map over 100,000 ints",
       "M/s",
       true,
       {{"brood Pool(2)", brood_map},
        {"std::thread chunks", thread_map},
        {"Python multiprocessing.Pool(2)", python_map}}},
      {"imap_unordered over 1,000,000 ints",
       "M/s",
       true,
       {{"brood Pool(2)", brood_imap}, {"Python multiprocessing.Pool(2), 100,000", python_imap}}},
      {"submit to result, one at a time",
       "us",
       false,
       {{"brood Pool(2)", brood_latency},
        {"std::thread pool, packaged_task", thread_latency},
        {peers::asio_name(), [] { return peers::asio_latency(5'000, workers); }},
        {"socketpair, a byte there and back", [] { return peers::socket_latency(5'000); }},
        {"floor: ping-pong, spinning", floors::ping_pong},
        {"floor: ping-pong on a futex, asleep", floors::ping_pong_asleep}}},
      {"a pool of two ready for work",
       "us",
       false,
       {{"brood", brood_ready}, {"Python multiprocessing.Pool(2)", python_ready}}},
  };
}

}  // namespace bench
