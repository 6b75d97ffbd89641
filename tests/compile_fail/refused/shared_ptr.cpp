// expects: a shared_ptr cannot travel, the other process would get a second object. Use unique_ptr or the
// value
#include <brood/brood.hpp>

struct Job {
  std::shared_ptr<int> n;
};
void work(Job);
void test() { brood::Process process(work, Job{}); }
