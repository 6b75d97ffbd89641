// The same function in a process, in a thread, and in two threads of a
// process.
// Varies: thread [0-9]+

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>
#include <thread>

void work(std::string where) {
  std::printf("%s: pid %d, thread %d\n", where.c_str(), getpid(), gettid());
  std::fflush(stdout);
}

void work_in_threads(std::string where) {
  std::thread one(work, where), two(work, where);
  one.join();
  two.join();
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  work("the program");

  brood::Process process(work, "a process");
  process.start();
  process.join();

  std::thread thread(work, "a thread");
  thread.join();

  brood::Process both(work_in_threads, "a thread of a process");
  both.start();
  both.join();
}
