#pragma once
// What is done while calls fail: it throws when one did, and when a result is wrong.

#include <span>

namespace failing {

struct Scenario {
  const char* name;
  void (*run)();
};
std::span<const Scenario> scenarios();

}  // namespace failing
