// expects: the function takes a non-const reference; what it changes would be lost
#include <brood/brood.hpp>

void work(std::string&);
void test(std::string s) { brood::Process process(work, s); }
