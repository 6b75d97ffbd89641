// A copy of the caller may call anything.
#include <brood/brood.hpp>

void test(int n) {
  brood::Process process(brood::forked, [&n] { ++n; });
  brood::Process named(brood::forked, {.name = "x"}, [n] { static_cast<void>(n); });
}
