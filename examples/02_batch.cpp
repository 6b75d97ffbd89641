// A batch: jobs from a list, one after the other. While a job waits for its
// tape, the processor has nothing to do.
// Varies: [0-9]+ %

#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

void job(int number) {
  std::this_thread::sleep_for(200ms);  // the tape turns: input
  const auto end = Clock::now() + 10ms;
  while (Clock::now() < end) continue;  // the processor works: computing
  std::printf("job %d is done\n", number);
}

int main() {
  const auto begin = Clock::now();
  for (int number = 1; number <= 3; ++number) job(number);

  const double passed = Seconds(Clock::now() - begin).count();
  const double worked = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  std::printf("three jobs took %.2f s, ", passed);
  std::printf("the processor worked %.0f %% of it\n",
              100 * worked / passed);
}
