// One function over many items.

#include <fcntl.h>
#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "floors/floors.hpp"
#include "harness.hpp"

namespace bench {
namespace {

constexpr int workers = 2;

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
  const Metered metered(10 * static_cast<double>(items));
  for (int i = 0; i < 10; ++i) map();
  return 10 * static_cast<double>(items) / metered.seconds() / 1e6;
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
      "p.terminate()",
      1'100'000);
}

double brood_imap() {
  brood::Pool pool(workers);
  const auto items = ints(1'000'000);
  pool.apply(square, 0);
  std::size_t n = 0;
  const Metered metered(static_cast<double>(items.size()));
  for ([[maybe_unused]] const int each : pool.imap_unordered(square, items)) ++n;
  return n == items.size() ? 1 / metered.seconds() : -1;
}
// stderr is a terminal that nobody looks at, while this lives.
class OnTerminal {
 public:
  OnTerminal() {
    if (grantpt(master_) != 0 || unlockpt(master_) != 0) return;
    const int terminal = open(ptsname(master_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    dup2(terminal, 2);
    close(terminal);
  }
  ~OnTerminal() {
    dup2(stderr_, 2);
    close(stderr_);
    close(master_);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

 private:
  int master_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), stderr_ = fcntl(2, F_DUPFD_CLOEXEC, 3);
};

// The same results, ten times, some with a bar around them.
template <class Around>
double read_through(Around around) {
  const OnTerminal terminal;
  brood::Pool pool(workers);
  const auto items = ints(1'000'000);
  std::size_t n = 0;
  const auto read = [&] {
    for ([[maybe_unused]] const int each : around(pool.imap_unordered(square, items))) ++n;
  };
  read();
  const Metered metered(10);
  for (int i = 0; i < 10; ++i) read();
  return n == 11 * items.size() ? metered.seconds() / 10 * 1e3 : -1;
}

double python_imap() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): return x*x\n"
      "p=m.Pool(2); p.apply(f,(1,)); t=time.time()\n"
      "n=sum(1 for x in p.imap_unordered(f,range(100000)))\n"
      "print(0.1/(time.time()-t))\n"
      "p.terminate()",
      100'000);
}

}  // namespace

std::vector<Case> map_cases() {
  return {
      {"map over 100,000 ints",
       "M/s",
       true,
       {{"brood Pool(2)", brood_map},
        {"std::thread chunks", thread_map},
        {"Python multiprocessing.Pool(2)", python_map},
        {"floor: two processes, shared memory, a call each",
         [] { return floors::mapped(square, ints(100'000), 10); }}}},
      {"imap_unordered over 1,000,000 ints",
       "M/s",
       true,
       {{"brood Pool(2)", brood_imap}, {"Python multiprocessing.Pool(2), 100,000", python_imap}}},
      {"1,000,000 results under a progress bar on a terminal",
       "ms",
       false,
       {{"brood",
         [] { return read_through([](auto results) { return brood::progress(std::move(results)); }); }},
        {"brood, without the bar", [] { return read_through([](auto results) { return results; }); }}}},
  };
}

}  // namespace bench
