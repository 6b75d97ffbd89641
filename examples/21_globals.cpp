// A global variable that a child changes stays as it was in its parent.

#include <brood/brood.hpp>
#include <cstdio>

int num = 100;

void run() {
  std::puts("child begins");
  num += 1;
  std::printf("child: num is %d\n", num);
  std::puts("child ends");
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::puts("parent begins");

  brood::Process process(run);
  process.start();
  process.join();

  std::printf("parent ends: num is %d\n", num);
}
