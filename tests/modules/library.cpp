// A library that uses brood; its users need not know.

#include <unistd.h>

#include <brood/brood.hpp>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {
int squared(int n) { return n * n; }
}  // namespace

EXPORTED void library_begin() { brood::init(0, nullptr); }

EXPORTED int library_work(int n) {
  int sum = 0;
  brood::Process child([](int code) { _exit(code); }, n);
  child.start();
  child.join();
  sum += child.exitcode().value();
  brood::Pool pool(2);
  for (const int square : pool.map(squared, std::vector<int>{1, 2, 3})) sum += square;
  if (pool.apply(getpid) == getpid()) sum = -1;
  return sum;
}

EXPORTED const char* library_spawns() {
  static std::string text;
  try {
    brood::Process child({.method = brood::StartMethod::spawn}, [] {});
    child.start();
    child.join();
    text = "spawned";
  } catch (const brood::UsageError& e) {
    text = e.what();
  }
  return text.c_str();
}
