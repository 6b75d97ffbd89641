// A child whose function throws: throws WHAT METHOD. The program's exit code is the child's.

#include <stdexcept>

#include "program_support.hpp"

namespace weather {

struct TooHot : std::logic_error {
  using std::logic_error::logic_error;
};
struct Storm {};

[[gnu::noinline]] void function_that_throws(const std::string& what) {
  if (what == "standard") throw std::out_of_range("no such day");
  if (what == "own") throw TooHot("forty degrees");
  if (what == "other") throw Storm{};
  if (what == "number") throw 42;
  if (what == "text") throw "a text";
  try {
    throw std::runtime_error("first");
  } catch (...) {
    throw std::runtime_error("second");
  }
}

[[gnu::noinline]] void middle(const std::string& what) {
  function_that_throws(what);
  std::puts("never");
}

void task(std::string what) { middle(what); }

}  // namespace weather

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Process child({.name = "forecast", .method = method_of(argv[2])}, weather::task, argv[1]);
  child.start();
  child.join();
  return child.exitcode().value();
}
