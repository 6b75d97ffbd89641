// A program that uses a SharedBlock and nothing else that messages name: of a static library only what is
// used is linked.

#include <brood/init.hpp>
#include <brood/process.hpp>
#include <brood/shared_block.hpp>
#include <cstdio>

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const brood::SharedBlock block(64);
  brood::Process writer([](const brood::SharedBlock& to) { to.as<int>()[0] = 42; }, block);
  writer.start();
  writer.join();
  std::printf("%d\n", block.as<int>()[0]);
}
