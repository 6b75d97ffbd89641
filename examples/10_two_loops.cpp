// Two loops at the same time: one in the program, one in a process of its
// own.
// Order: free

#include <brood/brood.hpp>
#include <chrono>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

void run() {
  for (int i = 0; i < 5; ++i) {
    std::cout << "hot day" << std::endl;
    std::this_thread::sleep_for(240ms);
  }
}

int main(int argc, char** argv) {
  brood::init(argc, argv);  // first line of main

  brood::Process process(run);
  process.start();

  for (int i = 0; i < 6; ++i) {
    std::cout << "good day" << std::endl;
    std::this_thread::sleep_for(200ms);
  }
}
