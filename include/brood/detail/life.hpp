#pragma once
// Tells a process from the copies of it that fork makes.

#include <cstdint>

namespace brood::detail {

/// A number that no ancestor of this process had while it was copied; 0 in a copy that brood has not noticed
/// yet. What is bound to one process keeps the number that it was made with, and compares.
extern const std::uint32_t* process_life;

}  // namespace brood::detail
