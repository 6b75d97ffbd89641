// What a task returns comes back, and so does what it throws.

#include <brood/brood.hpp>
#include <cstdio>
#include <ranges>
#include <stdexcept>

// [tour
double square_root(double n) {
  if (n < 0) throw std::invalid_argument("no root of a negative number");
  double root = n;
  for (int i = 0; i < 60; ++i) root = (root + n / root) / 2;
  return root;
}
// tour]

int square(int n) { return n * n; }

int main(int argc, char** argv) {
  brood::init(argc, argv);
  // [tour
  brood::Pool pool(2);

  auto good = pool.apply_async(square_root, 2);
  std::printf("one result: %.6f\n", good.get());

  auto bad = pool.apply_async(square_root, -1);
  try {
    bad.get();
  } catch (const std::invalid_argument& e) {  // the type it was thrown as
    std::printf("one exception: %s\n", e.what());
  }

  std::string roots;
  for (const double root : pool.map(square_root, std::vector{1, 4, 9, 16}))
    roots += " " + std::to_string(static_cast<int>(root));
  std::printf("in order:%s\n", roots.c_str());

  long sum = 0;
  const auto numbers = std::views::iota(0, 1000);
  for (const int n : pool.imap_unordered(square, numbers)) sum += n;
  std::printf("as they come, the sum: %ld\n", sum);
  // tour]
}
