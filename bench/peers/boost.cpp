// Boost.Asio and Boost.Interprocess.

#include <unistd.h>

#include <array>
#include <future>
#include <vector>

#include "floors/shared.hpp"
#include "harness.hpp"
#include "peers/peers.hpp"

#if __has_include(<boost/asio/thread_pool.hpp>) && __has_include(<boost/interprocess/ipc/message_queue.hpp>)
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>
#define BENCH_HAS_BOOST 1
#else
#define BENCH_HAS_BOOST 0
#endif

namespace bench::peers {

namespace {

using Value = std::array<std::uint64_t, 8>;

#if BENCH_HAS_BOOST
std::string version() {
  return " " + std::to_string(BOOST_VERSION / 100'000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);
}

std::future<int> post(boost::asio::thread_pool& pool, int x) {
  std::packaged_task<int()> task([x] { return x; });
  auto future = task.get_future();
  boost::asio::post(pool, std::move(task));
  return future;
}
#else
std::string version() { return ""; }
#endif

}  // namespace

std::string asio_name() { return "Boost.Asio thread_pool" + version(); }
std::string message_queue_name() { return "Boost message_queue" + version(); }

#if BENCH_HAS_BOOST
double asio_tasks(int n, int workers) {
  boost::asio::thread_pool pool(static_cast<std::size_t>(workers));
  post(pool, 0).get();
  return million_a_second(n, [&](int i) { return post(pool, i); });
}

double asio_latency(int n, int workers) {
  boost::asio::thread_pool pool(static_cast<std::size_t>(workers));
  post(pool, 0).get();
  return microseconds_each(n, [&](int i) { post(pool, i).get(); });
}

double message_queue(int n) {
  namespace ipc = boost::interprocess;
  const auto name = "brood-bench-" + std::to_string(getpid());
  ipc::message_queue::remove(name.c_str());
  double rate = -1;
  {
    ipc::message_queue queue(ipc::create_only, name.c_str(), 4096, sizeof(Value));
    const Metered metered(n);
    const floors::Forked writer([&] {
      for (int i = 0; i < n; ++i) {
        const Value value{static_cast<std::uint64_t>(i)};
        queue.send(&value, sizeof value, 0);
      }
    });
    std::uint64_t wrong = 0;
    for (int i = 0; i < n; ++i) {
      Value value{};
      ipc::message_queue::size_type size = 0;
      unsigned priority = 0;
      queue.receive(&value, sizeof value, size, priority);
      wrong += value[0] != static_cast<std::uint64_t>(i);
    }
    rate = wrong == 0 ? n / metered.seconds() / 1e6 : -1;
  }
  ipc::message_queue::remove(name.c_str());
  return rate;
}
#else
double asio_tasks(int, int) { return -1; }
double asio_latency(int, int) { return -1; }
double message_queue(int) { return -1; }
#endif

}  // namespace bench::peers
