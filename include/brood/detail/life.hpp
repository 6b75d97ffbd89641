#pragma once
// Tells a process from the copies of it that fork makes.

#include <cstdint>

namespace brood::detail {

/// A number that no ancestor of this process had when it was forked; 0 in a fork that brood has not noticed
/// yet. An object bound to one process stores the number current at its construction, and compares.
extern const std::uint32_t* process_life;

}  // namespace brood::detail
