// expects: the function takes another number of arguments than were passed
#include <brood/brood.hpp>

void work(int);
void test() { brood::Process process({.name = "x"}, work, 1, 2); }
