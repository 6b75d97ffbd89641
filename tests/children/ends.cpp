// main ends while children run: ends WHAT METHOD [FIFO].

#include <csignal>
#include <stdexcept>
#include <vector>

#include "program_support.hpp"

namespace {

void wait_then_say(std::string fifo) {
  wait_at(fifo);
  std::puts("child ends");
}

void stay(bool stubborn) {
  if (stubborn) std::signal(SIGTERM, SIG_IGN);
  say("child %d\n", getpid());
  wait_for_ever();
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const std::string_view what = argv[1];
  const auto method = method_of(argv[2]);
  if (what == "joins") {
    brood::Process({.name = "weather", .method = method}, wait_then_say, argv[3]).start();
    brood::at_exit([] { say("main ends\n"); });
    return 3;
  }
  if (what == "starts-at-exit") {
    const auto start_one = [method](const std::string& word) {
      brood::Process child(
          {.method = method}, [](std::string w) { say("%s\n", w.c_str()); }, word);
      child.start();
      child.join();
    };
    start_one("from main");
    brood::at_exit([start_one] {
      for (int i = 0; i < 5; ++i) {
        start_one("from a handler");
        // What was freed before is somebody else's by now.
        const std::vector<std::string> others(50, std::string(static_cast<std::size_t>(100 << i), 'x'));
        start_one("and again");
      }
    });
    return 0;
  }
  const bool stubborn = what == "stubborn";
  brood::Process child({.daemon = true, .method = method}, stay, stubborn);
  child.start();
  std::getline(std::ifstream(argv[3]), *new std::string);  // opened when the test has read the child's line
  if (what == "exit") std::exit(7);
  if (what == "quick") _exit(8);
  if (what == "throws") throw std::runtime_error("uncaught in main");
  return 0;
}
