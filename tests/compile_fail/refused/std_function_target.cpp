// expects: std::function hides what it holds and cannot travel. Pass the function itself
#include <brood/brood.hpp>

void test(std::function<void()> f) { brood::Process process(f); }
