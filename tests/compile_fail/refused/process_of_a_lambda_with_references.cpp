// expects: brood::Process p\(brood::forked, \[&\] \{...\}\) for a process that is a copy of this one
#include <brood/brood.hpp>

void test(int& n) {
  brood::Process process([&] { ++n; });
}
