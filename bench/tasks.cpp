// Tasks of a pool: many small calls, each with its own future; and one at a time.

#include <brood/brood.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "harness.hpp"

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

template <class Submit>
double million_a_second(int n, Submit submit) {
  using Future = decltype(submit(0));
  std::vector<Future> futures;
  futures.reserve(static_cast<std::size_t>(n));
  const double begun = seconds_now();
  for (int i = 0; i < n; ++i) futures.push_back(submit(i));
  long sum = 0;
  for (auto& f : futures) sum += f.get();
  const double seconds = seconds_now() - begun;
  return sum == static_cast<long>(n) * (n - 1) / 2 ? n / seconds / 1e6 : -1;
}

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

template <class Once>
double microseconds_each(int n, Once once) {
  const double begun = seconds_now();
  for (int i = 0; i < n; ++i) once(i);
  return (seconds_now() - begun) / n * 1e6;
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
        {"Python multiprocessing.Pool(2)", python_tasks}}},
      {"submit to result, one at a time",
       "us",
       false,
       {{"brood Pool(2)", brood_latency}, {"std::thread pool, packaged_task", thread_latency}}},
      {"a pool of two ready for work",
       "us",
       false,
       {{"brood", brood_ready}, {"Python multiprocessing.Pool(2)", python_ready}}},
  };
}

}  // namespace bench
