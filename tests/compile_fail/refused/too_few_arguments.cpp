// expects: the function takes another number of arguments than were passed
#include <brood/brood.hpp>

void work(int, int);
void test() { brood::Process process(work, 1); }
