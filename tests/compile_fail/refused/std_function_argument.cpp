// expects: std::function hides what it holds and cannot travel. Pass the function itself
#include <brood/brood.hpp>

void work(std::function<void()>);
void test() {
  brood::Process process(work, [] {});
}
