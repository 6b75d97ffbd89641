// expects: an argument does not convert to the function.s parameter
#include <brood/brood.hpp>

void work(std::chrono::seconds);
void test() { brood::Process process(work, 3); }
