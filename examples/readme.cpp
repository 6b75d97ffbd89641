// The program of the README: a process, and a pool that loses one task to a
// crash and nothing else.
// Varies: PoolWorker-[0-9]

#include <brood/brood.hpp>
#include <csignal>
#include <cstdio>

int square(int n) {
  if (n == 2) std::raise(SIGSEGV);  // native code does that
  return n * n;
}

int main(int argc, char** argv) {
  brood::init(argc, argv);  // first line of main

  brood::Process hello([] { std::puts("hello from another process"); });
  hello.start();
  hello.join();

  brood::Pool pool(2);
  const std::vector numbers{1, 2, 3, 4};
  std::string others;
  for (auto&& [n, outcome] : pool.imap(square, numbers).outcomes()) {
    if (outcome)
      others += " " + std::to_string(*outcome);
    else
      std::printf("square(%d) is lost: %s\n", n, outcome.error().what());
  }
  std::printf("others:%s\n", others.c_str());
}
