// expects: a reference cannot travel, it means nothing in another process. Make it a value
#include <brood/brood.hpp>

struct Job {
  int n;
  std::string& name;
};
void work(Job);
void test(std::string& s) { brood::Process process(work, Job{1, s}); }
