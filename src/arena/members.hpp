#pragma once
// Who uses the arena, and what each process holds in it, so that a killed one leaks nothing and blocks
// nobody.
//
// A process becomes a member when it first touches the arena. Its parent buries it when a pidfd tells of its
// death: every object that it held is repaired and let go, its memory is freed.

#include <cstdint>

#include "arena/layout.hpp"

namespace brood::arena {

/// This process's number, 1 and up; makes it a member first. Throws NoMemory when the table is full.
std::uint32_t self_member();
Member& member(std::uint32_t number);

/// Called in a new process before anything else here: it is nobody yet and holds nothing of its parent's.
/// `inherits`: it has its parent's memory (fork), and with it the handles that hold_for_child() counted.
void become_new_process(bool inherits);

/// The number of a process that is a member, else 0.
std::uint32_t member_of(std::int32_t pid);
/// Undoes what a process that has ended, and its descendants (which end with it), held. Called by its parent,
/// before the pid is reaped. Harmless for processes that were never members.
void bury(std::int32_t pid);

/// Members alive, for tests and reports.
std::uint32_t member_count();

}  // namespace brood::arena
