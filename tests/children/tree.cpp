// Three levels of processes, a program that a child started and one that a child became; then the program
// waits to be killed: tree METHOD quiet|busy. Prints five lines, `WHO PID`.

#include "program_support.hpp"

namespace {

void stay(const std::string& how) {
  if (how == "busy") {
    for (;;) asm volatile("");
  }
  wait_for_ever();
}

void grandchild(std::string how) {
  say("grandchild %d\n", getpid());
  stay(how);
}

void starts_a_program() {
  // The shell prints its pid and becomes the program.
  static_cast<void>(std::system("echo program $$; exec sleep 3600"));
}

void becomes_a_program() { execl("/bin/sh", "sh", "-c", "echo program $$; exec sleep 3600", nullptr); }

void child(std::string how, brood::StartMethod method) {
  say("child %d\n", getpid());
  brood::Process below({.method = method}, grandchild, how);
  below.start();
  stay(how);
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const auto method = method_of(argv[1]);
  brood::Process first({.method = method}, child, argv[2], method);
  brood::Process second({.method = method}, starts_a_program);
  brood::Process third({.method = method}, grandchild, argv[2]);
  brood::Process fourth({.method = method}, becomes_a_program);
  for (auto* process : {&first, &second, &third, &fourth}) process->start();
  wait_for_ever();
}
