#pragma once
// Planted bugs, which prove that the tests for such bugs would find them. A build with BROOD_PLANTS contains
// them, and the environment variable BROOD_PLANT selects one by name; in every other build planted() is false
// at compile time and the bugs are compiled out.

#ifdef BROOD_PLANTS
#include <cstdlib>
#include <string_view>
#endif

namespace brood {

#ifdef BROOD_PLANTS
inline bool planted(std::string_view bug) {
  static const std::string_view chosen = [] {
    const char* name = std::getenv("BROOD_PLANT");
    return std::string_view(name != nullptr ? name : "");
  }();
  return bug == chosen;
}
#else
constexpr bool planted(const char*) { return false; }
#endif

}  // namespace brood
