// expects: for a const char\* write std::string
#include <brood/brood.hpp>

struct Options {
  const char* name = "x";
  int times = 1;
};
void work(Options);
void test() { brood::Process process(work, Options{}); }
