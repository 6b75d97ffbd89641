// Queue between processes: values of 64 bytes and of 64 KiB, one writer and one reader.

#include <algorithm>
#include <array>
#include <brood/brood.hpp>
#include <vector>

#include "floors/floors.hpp"
#include "harness.hpp"
#include "peers/peers.hpp"

namespace bench {
namespace {

using Small = std::array<long, 8>;
// As the bare rings: who puts waits, rather than fill fresh memory for who is slower.
constexpr int most = 4096;

double small_values() {
  constexpr int n = 500000;
  brood::Queue<Small> queue(most);
  brood::Process writer(
      [](brood::Queue<Small> q, int count) {
        for (int i = 0; i <= count; ++i) q.put(Small{i});
      },
      queue, n);
  writer.start();
  static_cast<void>(queue.get());  // it is there
  const Metered metered(n);
  for (int i = 1; i <= n; ++i) {
    if (queue.get()[0] != i) return -1;
  }
  const double seconds = metered.seconds();
  writer.join();
  return n / seconds / 1e6;
}

// All of them are there before the first value is put. Whoever reads hands its count to the caller at the
// end.
double many_values(int writers, int readers) {
  constexpr int each = 400'000;
  brood::Queue<Small> queue(most);
  brood::Queue<long> sums;
  brood::Queue<int> here, go;
  std::vector<brood::Process> all;
  for (int w = 0; w < writers; ++w) {
    all.emplace_back(
        [](brood::Queue<Small> q, int count, brood::Queue<int> ready, brood::Queue<int> wait) {
          ready.put(1);
          wait.get();
          for (int i = 0; i < count; ++i) q.put(Small{1});
        },
        queue, each / writers, here, go);
  }
  for (int r = 0; r < readers; ++r) {
    all.emplace_back(
        [](brood::Queue<Small> q, brood::Queue<long> to, brood::Queue<int> ready) {
          ready.put(1);
          long sum = 0;
          while (const long one = q.get()[0]) sum += one;
          to.put(sum);
        },
        queue, sums, here);
  }
  for (auto& one : all) one.start();
  for (int i = 0; i < writers + readers; ++i) here.get();
  const Metered metered(each);
  for (int w = 0; w < writers; ++w) go.put(1);
  for (int w = 0; w < writers; ++w) all[static_cast<std::size_t>(w)].join();
  for (int r = 0; r < readers; ++r) queue.put(Small{0});
  long sum = 0;
  for (int r = 0; r < readers; ++r) sum += sums.get();
  const double seconds = metered.seconds();
  for (auto& one : all) one.join();
  return sum == static_cast<long>(each / writers) * writers ? static_cast<double>(sum) / seconds / 1e6 : -1;
}

// One writer, many readers: the longest that a reader had to wait for its next value, in ms.
double longest_wait(int readers) {
  constexpr int n = 400'000;
  brood::Queue<Small> queue;
  brood::Queue<double> waits;
  std::vector<brood::Process> all;
  for (int r = 0; r < readers; ++r) {
    all.emplace_back(
        [](brood::Queue<Small> q, brood::Queue<double> to) {
          double longest = 0;
          if (q.get()[0] != 0) {
            for (double before = seconds_now(); q.get()[0] != 0;) {
              const double now = seconds_now();
              longest = std::max(longest, now - before);
              before = now;
            }
          }
          to.put(longest);
        },
        queue, waits);
  }
  for (auto& one : all) one.start();
  const Metered metered(n);
  for (int i = 0; i < n; ++i) queue.put(Small{1});
  for (int r = 0; r < readers; ++r) queue.put(Small{0});
  double longest = 0;
  for (int r = 0; r < readers; ++r) longest = std::max(longest, waits.get());
  for (auto& one : all) one.join();
  return longest * 1e3;
}

double large_values() {
  constexpr int n = 50'000;
  brood::Queue<std::vector<char>> queue(64);
  brood::Process writer(
      [](brood::Queue<std::vector<char>> q, int count) {
        const std::vector<char> value(65536, 'x');
        for (int i = 0; i <= count; ++i) q.put(value);
      },
      queue, n);
  writer.start();
  static_cast<void>(queue.get());  // it is there
  const Metered metered(n);
  for (int i = 0; i < n; ++i) {
    if (queue.get().size() != 65536) return -1;
  }
  const double seconds = metered.seconds();
  writer.join();
  return n * 65536.0 / seconds / 1e9;
}

double python_small() {
  return python(
      "import multiprocessing as m, time\n"
      "def w(q):\n for i in range(50000): q.put(b\"x\"*64)\n"
      "q=m.Queue(); p=m.Process(target=w,args=(q,)); t=time.time(); p.start()\n"
      "for i in range(50000): q.get()\n"
      "print(50000/(time.time()-t)/1e6)\n"
      "p.join()",
      50000);
}

}  // namespace

std::vector<Case> queue_cases() {
  return {
      {"Queue, 64 bytes, 1 writer 1 reader",
       "M/s",
       true,
       {{"brood", small_values},
        {peers::message_queue_name(), [] { return peers::message_queue(200'000); }},
        {"pipe, a write and a read each", [] { return peers::pipe_values(200'000); }},
        {"Python multiprocessing.Queue", python_small},
        {"floor: bare ring for one and one", floors::ring},
        {"floor: bare ring for many", [] { return floors::many_ring(1, 1); }}}},
      {"Queue, 64 bytes, 2 writers 2 readers",
       "M/s",
       true,
       {{"brood", [] { return many_values(2, 2); }},
        {"floor: bare ring for many", [] { return floors::many_ring(2, 2); }},
        {"floor: the same, each value owned", [] { return floors::owned_ring(2, 2); }}}},
      {"Queue, 64 bytes, 20 writers 20 readers",
       "M/s",
       true,
       {{"brood", [] { return many_values(20, 20); }},
        {"brood, 2 and 2", [] { return many_values(2, 2); }},
        {"floor: bare ring for many", [] { return floors::many_ring(20, 20); }}}},
      {"Queue, 64 bytes, 1 writer 20 readers",
       "M/s",
       true,
       {{"brood", [] { return many_values(1, 20); }},
        {"brood, 2 and 2", [] { return many_values(2, 2); }},
        {"floor: bare ring for many", [] { return floors::many_ring(1, 20); }}}},
      {"Queue, 1 writer 20 readers, longest wait of one of them",
       "ms",
       false,
       {{"brood", [] { return longest_wait(20); }}}},
      {"Queue, 64 KiB, 1 writer 1 reader",
       "GB/s",
       true,
       {{"brood", large_values}, {"floor: bare ring, copied in and out", floors::copies}}},
  };
}

}  // namespace bench
