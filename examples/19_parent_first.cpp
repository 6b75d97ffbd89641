// A parent does not wait for its child: its last line comes first.
// Order: free

#include <brood/brood.hpp>
#include <chrono>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

void run() {
  std::cout << "child begins" << std::endl;
  std::this_thread::sleep_for(300ms);
  std::cout << "child ends" << std::endl;
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::cout << "parent begins" << std::endl;

  brood::Process process(run);
  process.start();

  std::cout << "parent ends" << std::endl;
}
