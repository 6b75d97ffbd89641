// expects: starmap takes the fields out of each item, and these cannot be copied
#include <brood/brood.hpp>

int add(std::unique_ptr<int>, int);
void test(brood::Pool& pool, std::vector<std::pair<std::unique_ptr<int>, int>> items) {
  pool.starmap(add, items);
}
