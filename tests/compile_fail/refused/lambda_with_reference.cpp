// expects: a lambda with captures cannot travel to another process. Pass what it captures as arguments
#include <brood/brood.hpp>

void test(int n) {
  brood::Process process(
      {.name = "x"}, [&n](int m) { n = m; }, 3);
}
