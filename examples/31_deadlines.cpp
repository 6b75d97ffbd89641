// Waiting has a limit where you give it one; work that will not end is
// ended with its process.

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

void endless() {
  for (;;) std::this_thread::sleep_for(1s);
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Pool pool(1);
  auto result = pool.apply_async(endless);

  try {
    result.get(300ms);
  } catch (const brood::TimeoutError& e) {
    std::printf("get: %s\n", e.what());
  }

  pool.terminate();  // ends the worker, whatever it is doing
  pool.join();
  try {
    result.get();
  } catch (const brood::PoolTerminated& e) {
    std::printf("get: %s\n", e.what());
  }

  brood::Process process(endless);
  process.start();
  if (!process.join(300ms)) process.kill();
  process.join();
  std::printf("the process ended with %d\n", *process.exitcode());
}
