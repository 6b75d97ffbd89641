#pragma once
// Who uses the arena, and what each process holds in it, so that a killed one leaks nothing and blocks
// nobody.
//
// A process becomes a member when it first touches the arena. Its parent buries it when a pidfd tells of its
// death: every object that it held is repaired and let go, its memory is freed.

#include <cstdint>
#include <vector>

#include "arena/layout.hpp"

namespace brood::arena {

/// This process's number, 1 and up; makes it a member first. Throws NoMemory when the table is full.
std::uint32_t self_member();
Member& member(std::uint32_t number);

/// Called in a new process before anything else here: it is nobody yet and holds nothing of its parent's.
/// `inherits`: it has its parent's memory (fork), and with it the handles that adopt_for_child() counted.
void become_new_process(bool inherits);
/// Before a fork that inherits: counts every object this process holds once more, for the child.
/// Returns what was counted, to undo when the fork fails.
std::vector<std::uint64_t> count_for_child();
void uncount(const std::vector<std::uint64_t>& objects);
/// Before a server is made: what this process holds its children will see in their globals, so it stays until
/// this process ends.
void keep_what_is_held();

// ---- objects ----

using Repair = void (*)(std::uint64_t object, std::uint32_t dead);
using Destroy = void (*)(std::uint64_t object);
/// What to do with objects of a kind (1 to 15). Called before the first one is made.
void register_kind(std::uint32_t kind, Repair repair, Destroy destroy);

/// This process holds the object once more. `counted`: a message that named it has been decoded; its
/// reference passes to this process. Throws DecodeError when there is no such object.
void hold(std::uint64_t object, std::uint32_t kind, bool counted);
/// This process holds it once less; the last one destroys it.
void let_go(std::uint64_t object);
/// A message that names the object is on its way; take_back: it is not. What is no shared object is passed
/// over: the names may come out of a worker's lane.
void count_message(std::uint64_t object);
void take_back(std::uint64_t object);
/// This process holds something that its children could share.
bool holds_anything();

// ---- the end of a process ----

/// This process has taken over everything that it was given at its birth.
void mark_settled();
/// Until then: which of that it has, as Reader::tell_handles says it.
std::atomic<std::uint32_t>& taken_at_birth();
/// Before bury: what a process was given at its birth and did not live to take over is let go.
void let_go_for(std::int32_t pid, const std::vector<std::uint64_t>& given);
/// The number of a process that is a member, else 0.
std::uint32_t member_of(std::int32_t pid);
/// Before bury: did the dead hold the object? False when `dead` is 0.
bool in_ledger(std::uint32_t dead, std::uint64_t object);
/// Undoes what a process that has ended, and its descendants (which end with it), held. Called by its parent,
/// before the pid is reaped. Harmless for processes that were never members.
void bury(std::int32_t pid);

/// Members alive, for tests and reports.
std::uint32_t member_count();

}  // namespace brood::arena
