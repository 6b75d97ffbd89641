// start makes the process, and the process calls run. The default run calls
// the function that was passed, or does nothing.

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>

void work() { std::printf("work in pid %d\n", getpid()); }

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::printf("program with pid %d\n", getpid());

  brood::Process process(work);
  process.run();    // a call like any other: works here
  process.start();  // a new process, which calls run: works there
  process.join();

  brood::Process idle;  // no function: run does nothing
  idle.start();
  idle.join();
  std::printf("idle ended with %d\n", *idle.exitcode());

  try {
    process.start();
  } catch (const brood::UsageError& e) {
    std::printf("refused: %s\n", e.what());
  }
}
