// expects: default arguments do not travel with a function: pass them
#include <brood/brood.hpp>

void work(int, int = 2);
void test() { brood::Process process(work, 1); }
