// expects: an argument does not convert to the function.s parameter
#include <brood/brood.hpp>

void work(std::vector<int>);
void test() { brood::Process process(work, "text"); }
