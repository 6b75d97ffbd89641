// One task at a time: the first is a loop without an end, so the second is
// never reached.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

using namespace std::chrono_literals;

// The second task.
void run() {
  for (;;) {
    std::puts("hot day");
    std::this_thread::sleep_for(240ms);
  }
}

int main() {
  // The first task.
  for (int day = 1;; ++day) {
    std::puts("good day");
    std::this_thread::sleep_for(200ms);
    if (day == 5) {  // the loop has no end, our patience has
      std::puts("... and so on; run() was never reached");
      std::exit(0);
    }
  }
  run();
}
