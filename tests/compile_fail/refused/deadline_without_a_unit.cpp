// expects: a timeout needs a unit: write 5s or 100ms
#include <brood/brood.hpp>

int test(brood::Pool& pool) {
  return pool.apply(
      {.deadline = 2.0F}, [](int x) { return x; }, 1);
}
