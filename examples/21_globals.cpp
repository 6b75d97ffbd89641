// A global variable that a child changes stays as it was in its parent.

#include <brood/brood.hpp>
#include <iostream>

int num = 100;

void run() {
  std::cout << "child begins" << std::endl;
  num += 1;
  std::cout << "child: num is " << num << std::endl;
  std::cout << "child ends" << std::endl;
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::cout << "parent begins" << std::endl;

  brood::Process process(run);
  process.start();
  process.join();

  std::cout << "parent ends: num is " << num << std::endl;
}
