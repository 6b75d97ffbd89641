#include <stdexcept>

extern "C" __attribute__((visibility("default"))) int late_twice(int n) { return 2 * n; }
extern "C" __attribute__((visibility("default"))) void late_throw(int n) {
  if (n != 0) throw std::runtime_error("late");
}
