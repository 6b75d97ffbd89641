// OpenBLAS has threads before main, and locks that a child must not find held: with_openblas METHOD

#include <cblas.h>

#include <brood/brood.hpp>
#include <cstdio>
#include <string_view>
#include <vector>

namespace {

constexpr int n = 300;

// Large enough to be worth its threads.
double product(double x) {
  const std::vector<double> a(n * n, x), b(n * n, 1);
  std::vector<double> c(n * n, 0);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(),
              n);
  return c[n * n - 1];
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const std::string_view word = argc > 1 ? argv[1] : "forkserver";
  const auto method = word == "spawn" ? brood::StartMethod::spawn : brood::StartMethod::forkserver;
  double sum = product(1);  // its threads are at work here
  brood::Queue<double> results;
  std::vector<brood::Process> children;
  for (int i = 0; i < 4; ++i) {
    children.emplace_back(
        brood::ProcessOptions{.method = method},
        [](brood::Queue<double> q, double x) {
          for (int k = 0; k < 10; ++k) q.put(product(x));
        },
        results, i);
    children.back().start();
  }
  for (int k = 0; k < 10; ++k) sum += product(0);
  for (auto& child : children) child.join();
  for (int k = 0; k < 40; ++k) sum += results.get();
  brood::Pool pool(2);
  for (const double x : pool.map(product, std::vector<double>{1, 2, 3})) sum += x;
  std::printf("%.0f\n", sum / n);  // 1 + 10 * (0 + 1 + 2 + 3) + 6
}
