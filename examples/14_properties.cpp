// What a process object knows, before start, while the process runs, and
// after its end.

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>

using namespace std::chrono_literals;

// [tour
void work(brood::Queue<int> stop) {
  stop.get(10s);  // waits for a word
  std::exit(3);
}
// tour]

void show(const std::string& when, brood::Process& process) {
  std::cout << when << ": " << process << '\n';
  std::cout << "  name      " << process.name() << '\n';
  std::cout << "  daemon    " << process.daemon() << '\n';
  std::cout << "  is_alive  " << process.is_alive() << '\n';
  if (const auto pid = process.pid())
    std::cout << "  pid       " << *pid << '\n';
  else
    std::cout << "  pid       none yet\n";
  if (const auto code = process.exitcode())
    std::cout << "  exitcode  " << *code << '\n';
  else
    std::cout << "  exitcode  none yet\n";
}

// [tour
int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::cout << std::boolalpha;
  brood::Queue<int> stop;
  brood::Process process({.name = "rain"}, work, stop);
  show("made", process);
  process.start();
  show("started", process);
  stop.put(1);
  process.join();
  show("ended", process);
}
// tour]
