#pragma once
// The members of the arena, that is the processes that use it, and what each holds in it, so that a killed
// process leaks nothing and blocks nobody.
//
// A process becomes a member when it first touches the arena. Its parent buries it when a pidfd reports its
// death: every object that it held is repaired and released, and its memory is freed.

#include <cstdint>

#include "arena/layout.hpp"

namespace brood::arena {

/// The number of this process, from 1 upwards; makes the process a member first if necessary. Throws NoMemory
/// when the table is full.
std::uint32_t self_member();
Member& member(std::uint32_t number);

/// Call first in a new process: it is not a member yet and holds nothing of its parent's. `inherits`: it has
/// its parent's memory (fork), and with it the handles that hold_for_child() counted.
void become_new_process(bool inherits);

/// The number of a process that is a member, else 0.
std::uint32_t member_of(std::int32_t pid);
/// Releases everything held by a process that has ended, and by its descendants (which end with it). Called
/// by its parent, before the pid is reaped. Harmless for processes that were never members.
void bury(std::int32_t pid);

/// The number of live members, for tests and reports.
std::uint32_t member_count();

}  // namespace brood::arena
