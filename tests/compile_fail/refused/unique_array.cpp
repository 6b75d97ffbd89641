// expects: unique_ptr<T\[\]> does not know its length and cannot travel. Use std::vector<T>
#include <brood/brood.hpp>

void work(std::unique_ptr<int[]>);
void test() { brood::Process process(work, std::make_unique<int[]>(3)); }
