// Tasks of a pool: many small calls, each with its own future; and one at a time.

#include <fmt/format.h>
#include <algorithm>
#include <brood/brood.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "floors/floors.hpp"
#include "harness.hpp"
#include "peers/peers.hpp"
#include "picture.hpp"

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
      "p.terminate()",
      20000);
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
      "p.shutdown()",
      5000);
}

// A fixed amount of work, each step after the other. Not until a time has come: what the system takes from a
// task in the middle of it would pass for work then.
int busy(int steps) {
  unsigned x = 1;
  for (int i = 0; i < steps; ++i) {
    x = x * 1664525U + 1013904223U;
    asm volatile("" : "+r"(x));
  }
  return steps;
}

// Steps in so many microseconds, by the quickest of many looks.
int steps_in(int microseconds) {
  static const double in_one = [] {
    constexpr int steps = 20'000;
    double least = 1;
    for (int i = 0; i < 200; ++i) {
      const double begun = seconds_now();
      busy(steps);
      least = std::min(least, seconds_now() - begun);
    }
    return steps / least * 1e-6;
  }();
  return static_cast<int>(in_one * microseconds);
}

// Some tenths of a second of work, and not too many futures.
int calls_of(int microseconds) { return std::min(100'000, 400'000 / microseconds); }

template <class Submit>
double busy_seconds(int microseconds, Submit submit) {
  const int calls = calls_of(microseconds), steps = steps_in(microseconds);
  return seconds_for(calls, static_cast<long>(calls) * steps, [&](int) { return submit(steps); });
}

double brood_seconds(int microseconds) {
  brood::Pool pool(workers);
  pool.apply(busy, steps_in(microseconds));
  return busy_seconds(microseconds, [&](int steps) { return pool.apply_async(busy, steps); });
}
double thread_seconds(int microseconds) {
  ThreadPool pool(workers);
  pool.submit(busy, steps_in(microseconds)).get();
  return busy_seconds(microseconds, [&](int steps) { return pool.submit(busy, steps); });
}
double tbb_seconds(int microseconds) {
  return peers::tbb_seconds(calls_of(microseconds), workers, busy, steps_in(microseconds));
}
// What the machine gives to processes that have nothing else to do.
double work_alone(int microseconds) {
  return floors::work_alone(busy, steps_in(microseconds), calls_of(microseconds), workers);
}
double python_seconds(int microseconds) {
  const auto calls = std::min(5000, calls_of(microseconds));
  const double seconds = python(fmt::format("import multiprocessing as m, time\n"
                                            "def f(us):\n"
                                            " t=time.perf_counter()+us*1e-6\n"
                                            " while time.perf_counter()<t: pass\n"
                                            "p=m.Pool(2); p.apply(f,(1,)); t=time.time()\n"
                                            "for x in [p.apply_async(f,({},)) for i in range({})]: x.get()\n"
                                            "print(time.time()-t)\n"
                                            "p.terminate()",
                                            microseconds, calls),
                                calls);
  return seconds < 0 ? -1 : seconds * calls_of(microseconds) / calls;
}

// What the processors would have needed, of what it took, in percent; and calls a second.
double efficiency(int microseconds, double seconds) {
  const double work = calls_of(microseconds) * microseconds * 1e-6;
  return seconds < 0 ? -1 : work / std::min(workers, brood::usable_cpu_count()) / seconds * 100;
}
double a_second(int microseconds, double seconds) {
  return seconds < 0 ? -1 : calls_of(microseconds) / seconds;
}

std::vector<Contender> of_length(int us, double (*figure)(int, double), bool in_picture) {
  std::vector<Contender> all{
      {"brood Pool(2)", [=] { return figure(us, brood_seconds(us)); }},
      {peers::tbb_name() + ", a promise each", [=] { return figure(us, tbb_seconds(us)); }},
      {"std::thread pool, packaged_task", [=] { return figure(us, thread_seconds(us)); }}};
  if (in_picture)
    all.push_back({"Python multiprocessing.Pool(2)", [=] { return figure(us, python_seconds(us)); }});
  else
    all.push_back({"floor: the work alone, in two processes", [=] { return figure(us, work_alone(us)); }});
  return all;
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

// After a rest, in which workers fall asleep.
constexpr int rest = 500;
double brood_after_rest() {
  brood::Pool pool(workers);
  pool.apply(nothing, 0);
  return microseconds_after_rest(300, rest, [&](int) { pool.apply(nothing, 1); });
}
double thread_after_rest() {
  ThreadPool pool(workers);
  return microseconds_after_rest(300, rest, [&](int) { pool.submit(nothing, 1).get(); });
}

int failing(int x) { throw std::runtime_error("failure number " + std::to_string(x)); }

template <class Call>
double of_failures(Call call) {
  return microseconds_each(2000, [&](int i) {
    try {
      call(i);
    } catch (const std::runtime_error&) {
    }
  });
}
double brood_failures() {
  brood::Pool pool(1);
  pool.apply(nothing, 0);
  return of_failures([&](int i) { pool.apply(failing, i); });
}
double thread_failures() {
  ThreadPool pool(1);
  return of_failures([&](int i) { pool.submit(failing, i).get(); });
}
double python_failures() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): raise RuntimeError('failure number %d' % x)\n"
      "def g(x):\n"
      " try: p.apply(f,(x,))\n"
      " except RuntimeError: pass\n"
      "p=m.Pool(1); g(0); t=time.time()\n"
      "for x in range(2000): g(x)\n"
      "print((time.time()-t)/2000*1e6)\n"
      "p.terminate()",
      2000);
}

double brood_ready() {
  const Metered metered(1);
  brood::Pool pool(workers);
  pool.apply(nothing, 0);
  return metered.seconds() * 1e6;
}
double python_ready() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): return x\n"
      "t=time.time(); p=m.Pool(2); p.apply(f,(1,)); print((time.time()-t)*1e6)\n"
      "p.terminate()");
}

}  // namespace

std::vector<Case> length_cases() {
  std::vector<Case> all;
  for (const int us : lengths)
    all.push_back({name_of_length(us), "1/s", true, of_length(us, a_second, true), true});
  return all;
}

std::vector<Case> task_cases() {
  return {
      {"empty tasks, a future each",
       "M/s",
       true,
       {{"brood Pool(2)", brood_tasks},
        {"std::thread pool, packaged_task", thread_tasks},
        {peers::tbb_name() + ", a promise each", [] { return peers::tbb_tasks(300'000, workers, nothing); }},
        {peers::asio_name(), [] { return peers::asio_tasks(300'000, workers); }},
        {peers::openmp_name() + ", no futures",
         [] { return peers::openmp_tasks(300'000, workers, nothing); }},
        {"Python multiprocessing.Pool(2)", python_tasks},
        {"Python ProcessPoolExecutor(2)", python_executor},
        {"floor: bare lanes", floors::lanes}}},
      {"tasks of 1 us, share of the processors' time that is theirs", "%", true,
       of_length(1, efficiency, false)},
      {"tasks of 10 us, share of the processors' time that is theirs", "%", true,
       of_length(10, efficiency, false)},
      {"submit to result, one at a time",
       "us",
       false,
       {{"brood Pool(2)", brood_latency},
        {"std::thread pool, packaged_task", thread_latency},
        {peers::tbb_name() + ", a promise each", [] { return peers::tbb_latency(5'000, workers, nothing); }},
        {peers::asio_name(), [] { return peers::asio_latency(5'000, workers); }},
        {"socketpair, a byte there and back", [] { return peers::socket_latency(5'000); }},
        {"floor: ping-pong, spinning", floors::ping_pong},
        {"floor: ping-pong on a futex, asleep", floors::ping_pong_asleep}}},
      {"a task that throws, one at a time",
       "us",
       false,
       {{"brood Pool(1)", brood_failures},
        {"std::thread pool, packaged_task", thread_failures},
        {"Python multiprocessing.Pool(1)", python_failures},
        {"floor: thrown and caught here", [] { return of_failures(failing); }}}},
      {"submit to result, all asleep before",
       "us",
       false,
       {{"brood Pool(2)", brood_after_rest},
        {"std::thread pool, packaged_task", thread_after_rest},
        {"floor: ping-pong on a futex", [] { return floors::ping_pong_after_rest(rest); }}}},
      {"a pool of two ready for work",
       "us",
       false,
       {{"brood", brood_ready},
        {"Python multiprocessing.Pool(2)", python_ready},
        {"floor: two raw forks that say that they are there",
         [] { return floors::forked_ready(workers) * 1e6; }}}},
  };
}

}  // namespace bench
