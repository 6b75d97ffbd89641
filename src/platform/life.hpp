#pragma once
// Which life of a process this is: see <brood/detail/life.hpp>.

#include <cstdint>

namespace brood::platform {

/// The number of this process's life, never 0. Notices a copy that was made by a raw clone, bypassing the C
/// library; the function given to at_fork_in_child is then called first.
std::uint32_t life();
/// From here on, this process differs from the one it was copied from.
void begin_life();
/// Registers a function to be called in every copy of this process that fork or a raw clone makes; in the
/// latter case, once the copy is noticed.
void at_fork_in_child(void (*f)());

}  // namespace brood::platform
