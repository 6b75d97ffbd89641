// stdout is a pipe and so fully buffered: what was printed before init and before a start comes once.
// output WHAT METHOD.

#include <iostream>

#include "program_support.hpp"

namespace {

void print() {
  std::puts("in the child");
  std::cout << "by iostream too\n";
}

void print_and_wait() {
  std::puts("a line of a terminated child");
  wait_for_ever();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "before-init") {
    std::printf("before init, ");
    std::cout << "by iostream too, " << std::string();
  }
  brood::init(argc, argv);
  const auto method = method_of(argv[2]);
  if (what == "terminated") {
    brood::Process child({.method = method}, print_and_wait);
    child.start();
    std::getline(std::ifstream(argv[3]), *new std::string);
    child.terminate();
    child.join();
    return child.exitcode() == -15 ? 0 : 1;
  }
  std::printf("before start\n");
  std::cout << "and by iostream\n";
  brood::Process child({.method = method}, print);
  child.start();
  child.join();
  std::printf("after join\n");
  return 0;
}
