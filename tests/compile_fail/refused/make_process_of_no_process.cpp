// expects: make_process<T> makes subclasses of brood::Process
#include <brood/brood.hpp>

struct Counter {
  int from;
};
void test() { auto counter = brood::make_process<Counter>(1); }
