// expects: the function takes another number of arguments than were passed
#include <brood/brood.hpp>

struct Counter {
  int from = 0;
  void count() {}
};
void test() { brood::Process process(&Counter::count); }
