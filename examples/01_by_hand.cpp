// A machine without an operating system: most of the time it waits for us.
// Varies: [0-9]+ million

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

int main() {
  // A person needs a fifth of a second to press one key.
  std::puts("the person presses a key ...");
  const auto pressed = Clock::now() + 200ms;

  // What could the machine have done in the meantime?
  volatile long sum = 0;
  while (Clock::now() < pressed)
    for (int i = 0; i < 10'000; ++i) sum = sum + 1;

  std::printf("... the machine could have made %ld million additions\n",
              sum / 1'000'000);
}
