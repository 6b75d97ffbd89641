#pragma once
// The terminal that a person looks at.

#include <chrono>
#include <cstdint>
#include <string_view>

#include "platform/descriptor.hpp"

namespace brood::platform {

/// Its columns; 0 when that is no terminal.
int terminal_columns(int descriptor);
/// What is stderr in that process, when it is a terminal that may be opened from here; else nothing.
Descriptor terminal_of(std::uint32_t process);
/// The whole text at once, as far as it goes without waiting for long.
void write_to_terminal(int descriptor, std::string_view text);
/// The environment says that text is UTF-8.
bool speaks_utf8();
/// The time of steady_clock to some milliseconds, as near as anybody sees, for a fifth of what that costs.
std::chrono::steady_clock::time_point rough_time();

}  // namespace brood::platform
