// expects: pass what it is made from \(a path, an address\) and make it in the function
#include <fstream>

#include <brood/brood.hpp>

void work(std::ofstream);
void test(brood::Pool& pool) { pool.apply(work, std::ofstream("log")); }
