// OpenMP's tasks: no futures, so the results go to places of an array, which are read after the end.

#include <vector>

#include "harness.hpp"
#include "peers/peers.hpp"

namespace bench::peers {

std::string openmp_name() {
#if defined(_OPENMP)
  return "OpenMP tasks " + std::to_string(_OPENMP);
#else
  return "OpenMP tasks";
#endif
}

#if defined(_OPENMP)

double openmp_tasks(int n, int workers, int (*f)(int)) {
  std::vector<int> results(static_cast<std::size_t>(n));
  const auto run = [&](int count) {
#pragma omp parallel num_threads(workers) shared(results, count, f)
#pragma omp single
    for (int i = 0; i < count; ++i) {
#pragma omp task firstprivate(i) shared(results, f)
      results[static_cast<std::size_t>(i)] = f(i);
    }
  };
  run(1);
  const Metered metered(n);
  run(n);
  long sum = 0;
  for (const int each : results) sum += each;
  const double seconds = metered.seconds();
  return sum == static_cast<long>(n) * (n - 1) / 2 ? n / seconds / 1e6 : -1;
}

namespace {
long fib(int n) {
  if (n < 2) return n;
  long a = 0, b = 0;
#pragma omp task shared(a)
  a = fib(n - 1);
#pragma omp task shared(b)
  b = fib(n - 2);
#pragma omp taskwait
  return a + b;
}
}  // namespace

double openmp_fib(int n, int workers) {
  const Metered metered(calls_of_fib(n));
  long result = 0;
#pragma omp parallel num_threads(workers) shared(result)
#pragma omp single
  result = fib(n);
  return result == fib_of(n) ? calls_of_fib(n) / metered.seconds() / 1e6 : -1;
}

#else

double openmp_tasks(int, int, int (*)(int)) { return -1; }
double openmp_fib(int, int) { return -1; }

#endif

}  // namespace bench::peers
