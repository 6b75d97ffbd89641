// Each process has a number, its pid, and knows the pid of its parent.

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>

void say(const char* who) {
  std::printf("%s: pid %d, parent pid %d\n", who, getpid(), getppid());
}

void grandchild() { say("grandchild"); }

void child() {
  say("child");
  brood::Process process(grandchild);
  process.start();
  process.join();
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  say("program");
  brood::Process process(child);
  process.start();
  process.join();
  std::printf("the program's child had pid %d\n", *process.pid());
}
