// Queue between processes: values of 64 bytes and of 64 KiB, one writer and one reader.

#include <array>
#include <brood/brood.hpp>

#include "harness.hpp"

namespace bench {
namespace {

using Small = std::array<long, 8>;

double small_values() {
  constexpr int n = 500000;
  brood::Queue<Small> queue;
  brood::Process writer(
      [](brood::Queue<Small> q, int count) {
        for (int i = 0; i < count; ++i) q.put(Small{i});
      },
      queue, n);
  const double begun = seconds_now();
  writer.start();
  for (int i = 0; i < n; ++i) {
    if (queue.get()[0] != i) return -1;
  }
  const double seconds = seconds_now() - begun;
  writer.join();
  return n / seconds / 1e6;
}

double large_values() {
  constexpr int n = 20000;
  brood::Queue<std::vector<char>> queue(64);
  brood::Process writer(
      [](brood::Queue<std::vector<char>> q, int count) {
        const std::vector<char> value(65536, 'x');
        for (int i = 0; i < count; ++i) q.put(value);
      },
      queue, n);
  const double begun = seconds_now();
  writer.start();
  for (int i = 0; i < n; ++i) {
    if (queue.get().size() != 65536) return -1;
  }
  const double seconds = seconds_now() - begun;
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
      "p.join()");
}

}  // namespace

std::vector<Case> queue_cases() {
  return {
      {"Queue, 64 bytes, 1 writer 1 reader",
       "M/s",
       true,
       {{"brood", small_values}, {"Python multiprocessing.Queue", python_small}}},
      {"Queue, 64 KiB, 1 writer 1 reader", "GB/s", true, {{"brood", large_values}}},
  };
}

}  // namespace bench
