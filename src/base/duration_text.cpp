#include "base/duration_text.hpp"

#include <cstdio>

namespace brood {

using namespace std::chrono_literals;

std::string text_of(std::chrono::nanoseconds time) {
  const auto as = [&](double unit, const char* name) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g %s", static_cast<double>(time.count()) / unit, name);
    return std::string(text);
  };
  if (time >= 1s) return as(1e9, "s");
  return time >= 1ms ? as(1e6, "ms") : as(1e3, "us");
}

}  // namespace brood
