#pragma once
// Which life of a process this is: see <brood/detail/life.hpp>.

#include <cstdint>

namespace brood::platform {

/// Never 0: a copy that was made without a word to anybody (clone without the C library) is noticed here, and
/// what at_fork_in_child was given is called first.
std::uint32_t life();
/// From here on this process is another than the one it was copied from.
void begin_life();
/// Called in every process that fork, or a raw clone, makes of this one; of the latter when it is noticed.
void at_fork_in_child(void (*f)());

}  // namespace brood::platform
