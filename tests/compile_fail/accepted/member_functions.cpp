// With the object as first argument.
#include <brood/brood.hpp>

struct Counter {
  int from = 0;
  void count(int to) const {}
  void reset() noexcept {}
  static void hello(std::string) {}
};
void test() {
  brood::Process a(&Counter::count, Counter{1}, 5);
  brood::Process b(&Counter::reset, Counter{});
  brood::Process c(&Counter::hello, "text");
  brood::Process d(Counter::hello, "text");
}
