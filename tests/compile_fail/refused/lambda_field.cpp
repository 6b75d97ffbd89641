// expects: a lambda with captures cannot travel
#include <brood/brood.hpp>

void test(int n) {
  auto f = [n] { return n; };
  brood::Process process([](auto) {}, std::vector<decltype(f)>{f});
}
