// start makes the process, and the process calls run. The default run calls
// the function that was passed, or does nothing.

#include <unistd.h>

#include <brood/brood.hpp>
#include <iostream>

void work() { std::cout << "work in pid " << getpid() << std::endl; }

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::cout << "program with pid " << getpid() << std::endl;

  brood::Process process(work);
  process.run();    // a call like any other: works here
  process.start();  // a new process, which calls run: works there
  process.join();

  brood::Process idle;  // no function: run does nothing
  idle.start();
  idle.join();
  std::cout << "idle ended with " << *idle.exitcode() << std::endl;

  try {
    process.start();
  } catch (const brood::UsageError& e) {
    std::cout << "refused: " << e.what() << std::endl;
  }
}
