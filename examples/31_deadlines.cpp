// Waiting has a limit where you give it one; work that must end in time is
// ended with its process.

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

void endless() {
  for (;;) std::this_thread::sleep_for(1s);
}
int square(int n) { return n * n; }

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Pool pool(1);
  auto result = pool.apply_async({.deadline = 500ms}, endless);

  try {
    result.get(100ms);
  } catch (const brood::TimeoutError& e) {
    std::printf("get: %s\n", e.what());
  }
  try {
    result.get();
  } catch (const brood::DeadlineExceeded& e) {
    std::printf("get: %s\n", e.what());
  }
  std::printf("the pool works on: %d\n", pool.apply(square, 7));

  brood::Process process(endless);
  process.start();
  if (!process.join(300ms)) process.kill();
  process.join();
  std::printf("the process ended with %d\n", *process.exitcode());
}
