// expects: this object belongs to one process \(it can be neither copied nor moved, like a std::mutex\)
#include <mutex>

#include <brood/brood.hpp>

void work(std::mutex&);
void test(brood::Pool& pool, std::mutex& mutex) { pool.apply(work, mutex); }
