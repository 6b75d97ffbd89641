#pragma once
// Formats a progress bar.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brood::progress_bar {

struct State {
  std::string_view label, unit;
  std::uint64_t count = 0, failed = 0;
  std::optional<std::uint64_t> total;
  double seconds = 0;                    // since the bar began
  std::optional<double> items_a_second;  // recent rate; default: the average since the bar began
};

/// One line of at most `columns` columns, without a newline; control characters are shown as `?`.
std::string text_of(const State& state, int columns, bool utf8);

}  // namespace brood::progress_bar
