// expects: a pointer cannot travel, it means nothing in another process. Send the value itself
#include <brood/brood.hpp>

void work(int*);
void test(int* p) { brood::Process process(work, p); }
