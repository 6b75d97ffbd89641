// expects: a pointer cannot travel, it means nothing in another process. Send the value itself
#include <brood/brood.hpp>

void work(std::vector<int*>);
void test(std::vector<int*> v) { brood::Process process(work, v); }
