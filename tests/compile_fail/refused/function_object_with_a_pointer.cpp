// expects: a pointer cannot travel, it means nothing in another process. Send the value itself
#include <brood/brood.hpp>

struct Work {
  int* where = nullptr;
  void operator()() const {}
};
void test() { brood::Process process(Work{}); }
