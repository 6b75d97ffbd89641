// main ends while children run: ends WHAT METHOD [FIFO].

#include <csignal>
#include <memory>
#include <optional>
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

void wait_there(std::string fifo) {
  say("waits\n");
  wait_at(fifo);
}

// A task that ends when somebody writes into the fifo, in a pool that the end of the program waits for.
void make_pool(std::string_view kind, const std::string& fifo) {
  static std::optional<brood::Pool> pool;
  static std::unique_ptr<brood::Pool> owned;
  const auto submit = [&](brood::Pool& to) { to.apply_async({.name = "the last task"}, wait_there, fifo); };
  if (kind == "static-pool") submit(pool.emplace(brood::PoolOptions{.processes = 1, .name = "Kept"}));
  if (kind == "owned-pool") {
    owned.reset(new brood::Pool({.processes = 1, .name = "Kept"}));
    submit(*owned);
  }
  if (kind == "leaked-pool") submit(*new brood::Pool({.processes = 1, .name = "Kept"}));
  if (kind == "local-pool") {
    brood::Pool local({.processes = 1, .name = "Kept"});
    submit(local);
  }
}

// What there is to see of the order of the end: statics, and handlers of both kinds.
struct Log {
  const char* name;
  bool alive = true;
  explicit Log(const char* n) : name(n) {}
  ~Log() {
    alive = false;
    say("~%s\n", name);
  }
};
void note_the_end() {
  static Log first("first");
  brood::at_exit([] { say("brood: first %d\n", first.alive); });
  std::atexit([] { say("std: first %d\n", first.alive); });
  brood::at_exit([] {
    say("brood again\n");
    std::atexit([] { say("std late\n"); });
    brood::at_exit([] { say("brood late\n"); });
  });
  static const Log second("second");
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const std::string_view what = argv[1];
  const auto method = method_of(argv[2]);
  if (what.ends_with("-pool")) {
    make_pool(what, argv[3]);
    return 4;
  }
  if (what == "order") {
    note_the_end();
    return 0;
  }
  if (what == "order-in-child") {
    brood::Process child({.method = method}, note_the_end);
    child.start();
    child.join();
    _exit(child.exitcode().value());
  }
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
