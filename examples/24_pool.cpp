// Four worker processes and ten messages: never more than four at a time.
// Order: free
// Varies: worker [0-9]

#include <unistd.h>

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <random>
#include <thread>

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
namespace this_worker = brood::this_worker;

void run(int message) {
  std::printf("message %d begins, worker %d, pid %d\n", message,
              this_worker::index(), getpid());
  const auto begin = Clock::now();
  std::minstd_rand dice(std::random_device{}());
  std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 300 + 50));
  std::printf("message %d ends after %.2f s\n", message,
              Seconds(Clock::now() - begin).count());
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::cout << "parent begins" << std::endl;

  brood::Pool pool(4);
  for (int i = 0; i < 10; ++i) pool.apply_async(run, i);

  pool.close();  // no more messages
  pool.join();   // all are done, the workers are gone
  std::cout << "parent ends" << std::endl;
}
