// Bars, for the tests to look at: bars WHAT.

#include <brood/pool.hpp>
#include <brood/progress.hpp>
#include <brood/queue.hpp>
#include <brood/wait.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

int picky(int x) {
  if (x % 10 == 3) throw std::invalid_argument("3");
  return x;
}

void failures() {
  brood::Pool pool(2);
  std::vector<int> items(50);
  for (int i = 0; i < 50; ++i) items[static_cast<std::size_t>(i)] = i;
  int sum = 0;
  for (auto&& [item, outcome] :
       brood::progress(pool.imap(picky, items).outcomes(), {.label = "parse", .total = 50}))
    sum += outcome ? *outcome : 0;
  std::vector<brood::Future<int>> futures;
  for (const int each : items) futures.push_back(pool.apply_async(picky, each));
  for (auto& future : brood::progress(brood::as_completed(futures), {.label = "wait"}))
    sum += !future.successful();
  std::printf("sum %d\n", sum);
}

void nested() {
  for (const int i : brood::progress(std::vector<int>(2), {.label = "outer"})) {
    for (const int k : brood::progress(std::vector<int>(30), {.label = "inner", .leave = false})) {
      std::this_thread::sleep_for(10ms);
      static_cast<void>(i + k);
    }
  }
}

int work(int number, brood::Queue<int> gate) {
  brood::Progress bar({.label = "worker " + std::to_string(number), .total = 40});
  for (int i = 0; i < 40; ++i) {
    std::this_thread::sleep_for(10ms);
    bar.advance();
    if (i == 10 && number == 1) gate.put(1);
  }
  return number;
}
void killed(brood::Queue<int> gate) {
  brood::Progress bar({.label = "killed", .total = 40});
  std::this_thread::sleep_for(150ms);
  bar.advance();
  gate.get();
  std::raise(SIGKILL);
}

void workers() {
  brood::Pool pool(3);
  brood::Queue<int> gate;
  auto dies = pool.apply_async(killed, gate);
  for (const int each :
       brood::progress(pool.imap(work, std::vector<int>{1, 2}, gate), {.label = "all", .total = 2}))
    static_cast<void>(each);
  try {
    dies.get();
  } catch (const brood::WorkerDied&) {
  }
}

void said() {
  brood::Progress bar({.label = "a\nb", .total = 10, .unit = "files"});
  bar.advance(4);
  bar.say("a line above");
  bar.fail();
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "failures") failures();
  if (what == "nested") nested();
  if (what == "workers") workers();
  if (what == "said") said();
}
