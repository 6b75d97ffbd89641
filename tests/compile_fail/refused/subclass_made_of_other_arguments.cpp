// expects: T cannot be constructed from these arguments as they would arrive in the child
#include <brood/brood.hpp>

struct Counter : brood::Process {
  explicit Counter(int from) : from_(from) {}
  int from_;
};
void test() { auto counter = brood::make_process<Counter>("text"); }
