#pragma once
// What a bar looks like.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brood::progress_bar {

struct State {
  std::string_view label, unit;
  std::uint64_t count = 0, failed = 0;
  std::optional<std::uint64_t> total;
  double seconds = 0;                    // since it began
  std::optional<double> items_a_second;  // lately; not given: on the whole
};

/// One line of at most `columns`, without an end of line; control characters are shown as `?`.
std::string text_of(const State& state, int columns, bool utf8);

}  // namespace brood::progress_bar
