// The size of a pool that names none; join only after close; after close
// nothing more is taken.
// Varies: ^[0-9]+ workers

#include <brood/brood.hpp>
#include <cstdio>

int square(int n) { return n * n; }

int main(int argc, char** argv) {
  brood::init(argc, argv);

  brood::Pool pool;  // a worker for each processor it may use
  std::printf("%d workers\n", pool.size());
  auto nine = pool.apply_async(square, 3);

  try {
    pool.join();
  } catch (const brood::UsageError& e) {
    std::printf("join refused: %s\n", e.what());
  }

  pool.close();
  try {
    pool.apply_async(square, 4);
  } catch (const brood::UsageError& e) {
    std::printf("task refused: %s\n", e.what());
  }

  pool.join();
  std::printf("what was taken is done: %d\n", nine.get());
}
