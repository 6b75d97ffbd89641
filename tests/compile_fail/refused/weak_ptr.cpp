// expects: a shared_ptr cannot travel
#include <brood/brood.hpp>

void work(std::weak_ptr<int>);
void test(std::weak_ptr<int> n) { brood::Process process(work, n); }
