// expects: the function takes a handle by non-const reference. Take it by value
#include <brood/brood.hpp>

void fill(brood::SharedBlock& block);
void test(brood::SharedBlock block) { brood::Process process(fill, block); }
