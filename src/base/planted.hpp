#pragma once
// Known bugs, to prove that the tests which look for such would find them. A build with BROOD_PLANTS has
// them, and the environment variable BROOD_PLANT chooses one by its name; in every other build planted() is
// false at compile time and nothing is left of them.

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
