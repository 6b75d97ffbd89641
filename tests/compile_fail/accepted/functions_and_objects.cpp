// Whatever can be called without looking at this process.
#include <brood/brood.hpp>

int twice(int n) noexcept { return 2 * n; }
struct Add {
  int more = 0;
  int operator()(int n) const { return n + more; }
};
void test() {
  brood::Process a(twice, 2);
  brood::Process b(&twice, 2);
  brood::Process c(brood::fn<twice>, 2);
  brood::Process d(Add{3}, 2);
  brood::Process e([](auto n) { return n; }, 2);
  brood::Process f([] {});
  brood::Process g(
      {.method = brood::StartMethod::spawn}, [](int a, std::string b) {}, 1, "b");
}
