#pragma once
// Bugs that were planted (src/base/planted.hpp), and where they must show.

#include <span>

namespace points {

struct Plant {
  const char* name;
  const char* scenario;
  const char* what;
};

std::span<const Plant> plants();

}  // namespace points
