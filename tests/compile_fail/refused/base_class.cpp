// expects: this class cannot be seen into \(it has constructors, private fields or bases\). Specialise
// brood::Codec<T>
#include <brood/brood.hpp>

struct Base {
  int a;
};
struct Derived : Base {
  int b;
};
void work(Derived);
void test() { brood::Process process(work, Derived{{1}, 2}); }
