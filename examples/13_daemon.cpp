// A daemon ends with the program that started it. Whether a process is one
// is said before start.

#include <brood/brood.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

void serve() {
  for (;;) std::this_thread::sleep_for(1s);  // would go on for ever
}

// Starts a daemon and ends, without a word to it.
void program(brood::Queue<int> pids) {
  brood::Process server({.name = "server", .daemon = true}, serve);
  server.start();
  pids.put(*server.pid());
  std::printf("the daemon is alive: %s\n",
              server.is_alive() ? "yes" : "no");
  try {
    server.set_daemon(false);
  } catch (const brood::UsageError& e) {
    std::printf("refused: %s\n", e.what());
  }
  std::puts("the program ends");
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Queue<int> pids;
  brood::Process observed(program, pids);
  observed.start();
  observed.join();
  const bool lives = ::kill(pids.get(10s), 0) == 0;  // signal 0: only asks
  std::printf("its daemon %s\n", lives ? "lives on" : "is gone");
}
