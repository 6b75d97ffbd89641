// expects: a unique_ptr with a deleter of its own cannot travel
#include <brood/brood.hpp>

struct Closer {
  void operator()(int* p) const { delete p; }
};
void work(std::unique_ptr<int, Closer>);
void test() { brood::Process process(work, std::unique_ptr<int, Closer>()); }
