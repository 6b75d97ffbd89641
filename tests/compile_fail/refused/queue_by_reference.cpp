// expects: the function takes a handle by non-const reference. Take it by value
#include <brood/brood.hpp>

void fill(brood::Queue<int>& queue);
void test(brood::Pool& pool, brood::Queue<int> queue) { pool.apply(fill, queue); }
