// The user's own fork(), whose process outlives the program: own_fork METHOD. It must not keep the children
// alive.

#include "program_support.hpp"

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Process child({.method = method_of(argv[1])}, [] {
    say("child %d\n", getpid());
    wait_for_ever();
  });
  child.start();
  static_cast<void>(child.pid());
  const pid_t own = fork();
  if (own == 0) {
    try {
      brood::Process another([] {});
      another.start();
      say("started\n");
    } catch (const brood::UsageError& e) {
      say("own %d refused: %s\n", getpid(), e.what());
    }
    // Its output must not keep the test waiting.
    close(1);
    close(2);
    wait_for_ever();
  }
  wait_for_ever();
}
