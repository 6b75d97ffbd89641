// terminate ends a process at once, whatever it is doing; kill ends also
// one that will not listen.

#include <brood/brood.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

void work(bool deaf, brood::Queue<int> ready) {
  if (deaf) std::signal(SIGTERM, SIG_IGN);
  ready.put(1);
  for (;;) std::this_thread::sleep_for(1s);
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Queue<int> ready;

  brood::Process process(work, false, ready);
  process.start();
  ready.get(10s);
  process.terminate();  // sends SIGTERM, signal 15
  process.join();
  std::printf("terminated, exit code %d\n", *process.exitcode());

  brood::Process deaf(work, true, ready);
  deaf.start();
  ready.get(10s);
  deaf.terminate();
  if (!deaf.join(200ms)) std::puts("the other one does not listen");
  deaf.kill();  // sends SIGKILL, signal 9
  deaf.join();
  std::printf("killed, exit code %d\n", *deaf.exitcode());
}
