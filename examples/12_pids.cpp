// Each process has a number, its pid, and knows the pid of its parent.

#include <unistd.h>

#include <brood/brood.hpp>
#include <iostream>

void say(const char* who) {
  std::cout << who << ": pid " << getpid() << ", parent pid " << getppid()
            << std::endl;
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
  std::cout << "the program's child had pid " << *process.pid()
            << std::endl;
}
