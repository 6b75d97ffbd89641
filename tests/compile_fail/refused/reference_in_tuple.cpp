// expects: a reference cannot travel
#include <brood/brood.hpp>

void work(std::tuple<int, std::string&>);
void test(std::string& s) { brood::Process process(work, std::tuple<int, std::string&>(1, s)); }
