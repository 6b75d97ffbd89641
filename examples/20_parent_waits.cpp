// A parent that joins its child: its last line comes last.

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

void run() {
  std::puts("child begins");
  std::this_thread::sleep_for(300ms);
  std::puts("child ends");
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::puts("parent begins");

  brood::Process process(run);
  process.start();
  process.join();  // the one new line

  std::puts("parent ends");
}
