// A pool of four processes and ten messages; after close nothing more is taken, join waits for all.
// Prints: results: 0 1 4 9 16 25 36 49 64 81.*refused: .*closed.*sum by imap_unordered: 328350

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>
#include <ranges>

int work(int number) {
  std::printf("message %d in worker %d (pid %d)\n", number, brood::this_worker::index(), getpid());
  usleep(20000);
  return number * number;
}

int square(int number) { return number * number; }

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Pool pool(4);  // without a number: one for each processor

  std::vector<brood::Future<int>> results;
  for (int i = 0; i < 10; ++i) results.push_back(pool.apply_async(work, i));
  std::string line = "results:";
  for (auto& result : results) line += " " + std::to_string(result.get());
  std::puts(line.c_str());

  long sum = 0;
  for (int n : pool.imap_unordered(square, std::views::iota(0, 100))) sum += n;

  pool.close();
  try {
    pool.apply_async(work, 11);
  } catch (const brood::UsageError& e) {
    std::printf("refused: %s\n", e.what());
  }
  pool.join();
  std::printf("sum by imap_unordered: %ld\n", sum);
}
