// A program that uses brood, and a library that has a copy of its own.

#include <brood/brood.hpp>
#include <cstdio>

extern "C" void library_begin();
extern "C" int library_work(int);

namespace {
int squared(int n) { return n * n; }
}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  try {
    library_begin();
    for (int i = 0; i < 2; ++i) {
      brood::Pool pool(2);
      int sum = 0;
      for (const int square : pool.map(squared, std::vector<int>{1, 2, 3})) sum += square;
      std::printf("program %d library %d\n", sum, library_work(5));
    }
  } catch (const brood::UsageError& e) {
    std::printf("UsageError: %s\n", e.what());
  }
}
