// expects: the function comes first: pool.map\(f, items\)
#include <brood/brood.hpp>

void test(brood::Pool& pool, std::vector<int> numbers) {
  pool.map(numbers, [](int n) { return n; });
}
