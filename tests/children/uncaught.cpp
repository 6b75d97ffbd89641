// A program whose task or child fails, and that does not catch it: uncaught WHAT [MODULE]

#include <dlfcn.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "program_support.hpp"

namespace bakery {

struct Burnt {};

[[gnu::noinline]] int bake(const std::string& what, int degrees) {
  if (degrees > 300) throw std::runtime_error(what + " is burnt");
  return degrees;
}
int bake_all(std::string what, int degrees) { return bake(what, degrees) + 1; }
int take(std::vector<int> loaves) { return loaves.at(7); }
int pass_on(int degrees) { return brood::Pool(1).apply(bake_all, "rolls", degrees); }
[[gnu::noinline]] int nested(int degrees) {
  try {
    return bake("cake", degrees);
  } catch (...) {
    std::throw_with_nested(std::logic_error("no breakfast"));
  }
}
[[gnu::noinline]] __attribute__((no_sanitize("null"))) int crash(int) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  return *static_cast<volatile int*>(nullptr);
}
[[gnu::noinline]] int overflow(volatile int* p) {
  volatile int a[100];
  a[1] = *p;
  return a[1] == 12345 ? 0 : overflow(&a[1]) + a[1];
}
int too_deep(int) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  volatile int zero = 0;
  return overflow(&zero);
}
void wait_for_a_thread(std::string word) {
  std::thread([word] {
    usleep(1000);
    std::puts(word.c_str());
    std::fflush(stdout);
  }).detach();
  pthread_exit(nullptr);
}

// A program's task that fails, by word.
void call(brood::Pool& pool, const std::string& what) {
  if (what == "task") pool.apply(bake_all, "bread", 301);
  if (what == "library") pool.apply(take, std::vector<int>{1, 2});
  if (what == "nested") pool.apply(nested, 400);
  if (what == "two_pools") pool.apply(pass_on, 302);
  if (what == "crash") pool.apply(crash, 7);
  if (what == "overflow") pool.apply(too_deep, 7);
  if (what == "number") pool.apply([](int n) { throw n; }, 42);
  if (what == "thing") pool.apply([] { throw Burnt(); });
  if (what == "own") throw brood::UsageError("of the program's own");
}

void join(brood::Process process) {
  process.start();
  process.join();
}

void end_children() {
  join(brood::Process({.name = "oven"}, crash, 1));
  join(brood::Process({.name = "cellar"}, too_deep, 1));
  join(brood::Process(brood::forked, {.name = "copy"}, [] { crash(1); }));
  join(brood::Process({.name = "shop"}, [] { raise(SIGTERM); }));
  join(brood::Process({.name = "branch"}, [] { brood::Pool(1).apply(bake_all, "pie", 303); }));
  join(brood::Process({.name = "chain"}, [] { nested(500); }));
  join(brood::Process({.name = "nest"}, [] { join(brood::Process({.name = "egg"}, crash, 1)); }));
  brood::Process quiet({.name = "quiet"}, [] { pause(); });
  quiet.start();
  quiet.kill();
  quiet.join();
  join(brood::Process({.name = "thread"}, wait_for_a_thread, "the thread has ended"));
}

int lose() {
  brood::Pool pool(1);
  for (int i = 0; i < 3; ++i) pool.apply_async(bake_all, "bread", 301);
  pool.apply_async(bake_all, "tart", 350);
  return 0;
}

}  // namespace bakery

int main(int argc, char** argv) {
  const std::string what = argv[1];
  if (what == "handler")
    std::set_terminate([] {
      std::puts("the program's handler");
      std::fflush(stdout);
      _exit(9);
    });
  brood::init(argc, argv);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (what == "lose") return bakery::lose();
  if (what == "children") {
    bakery::end_children();
    return 0;
  }
  brood::Pool pool(1);
  bakery::call(pool, what == "handler" ? "task" : what);
}
