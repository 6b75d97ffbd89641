// expects: a pointer cannot travel, it means nothing in another process. Send the value itself
#include <brood/brood.hpp>
#include <map>

struct Inner {
  int n;
  double* cells;
};
struct Outer {
  std::vector<std::map<int, std::optional<Inner>>> all;
};
void work(Outer);
void test() { brood::Process process(work, Outer{}); }
