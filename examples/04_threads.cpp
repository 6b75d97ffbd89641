// Threads work inside one process and share what it has; a process shares
// nothing by itself.

#include <atomic>
#include <brood/brood.hpp>
#include <cstdio>
#include <thread>

std::atomic<int> found = 0;  // one for the process and all its threads

void search() { found += 10; }

int main(int argc, char** argv) {
  brood::init(argc, argv);

  std::thread one(search), two(search);
  one.join();
  two.join();
  std::printf("two threads searched, found here: %d\n", found.load());

  brood::Process process(search);
  process.start();
  process.join();
  std::printf("a process searched too, found here: %d\n", found.load());
}
