// The same three jobs, each as a process: while one waits for its tape, the
// processor is lent to another.
// Order: free

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

void job(int number) {
  std::this_thread::sleep_for(200ms);  // the tape turns: input
  const auto end = Clock::now() + 10ms;
  while (Clock::now() < end) continue;  // the processor works: computing
  std::printf("job %d is done\n", number);
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const auto begin = Clock::now();
  std::vector<brood::Process> jobs;
  for (int number = 1; number <= 3; ++number) {
    jobs.emplace_back(job, number);
    jobs.back().start();
  }
  for (auto& one : jobs) one.join();

  const double passed = Seconds(Clock::now() - begin).count();
  std::printf("three jobs took %.2f s\n", passed);
}
