#pragma once
// The terminal that the user looks at.

#include <chrono>
#include <cstdint>
#include <string_view>

#include "platform/descriptor.hpp"

namespace brood::platform {

/// The number of columns; 0 if the descriptor is not a terminal.
int terminal_columns(int descriptor);
/// Opens the stderr of that process, if it is a terminal that may be opened from here; else empty.
Descriptor terminal_of(std::uint32_t process);
/// Writes the whole text at once, as far as possible without a long wait.
void write_to_terminal(int descriptor, std::string_view text);
/// True if the environment says that text is UTF-8.
bool speaks_utf8();
/// The time of steady_clock to within some milliseconds, at a fifth of its cost.
std::chrono::steady_clock::time_point rough_time();

}  // namespace brood::platform
