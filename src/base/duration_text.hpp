#pragma once
// Durations for messages.

#include <brood/detail/std_parts.hpp>
#include <string>

namespace brood {

/// "1.5 s", "250 ms", "20 us".
std::string text_of(std::chrono::nanoseconds time);

}  // namespace brood
