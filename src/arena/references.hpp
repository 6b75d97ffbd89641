#pragma once
// References to shared objects. An object counts its references: one for each process that holds it, and one
// for each message in shared memory that names it. Each holder acquires its own reference; none is ever
// handed over.
//
// A count and the word that records it (an entry in a process's ledger, or the number of counted names of a
// message) change together, even if the process is killed at any point: see `change` in references.cpp. So a
// dead process leaves neither a reference too many nor one too few.

#include <atomic>
#include <cstdint>
#include <vector>

#include "arena/layout.hpp"

namespace brood::arena {

using Repair = void (*)(std::uint64_t object, std::uint32_t dead);
using Destroy = void (*)(std::uint64_t object);
/// Sets the functions for objects of a kind (1 to 15): repair after a death, and destroy when nobody holds
/// the object any more. destroy may be called again for a partly destroyed object. Call this before the first
/// object is made.
void register_kind(std::uint32_t kind, Repair repair, Destroy destroy);

/// Makes this process the holder of a new object. Throws NoMemory.
void hold_new(std::uint64_t object);
/// Adds a hold of this process on the object. Throws DecodeError when there is no such object (of that kind),
/// NoMemory.
void hold(std::uint64_t object, std::uint32_t kind);
void hold(std::uint64_t object);
/// Removes a hold of this process on the object; the last holder destroys the object. No effect when it is
/// not held.
void let_go(std::uint64_t object) noexcept;
/// True when this process holds an object that its children could share.
bool holds_anything();

/// Counts a reference from a message in the arena and stores `says` in the message's word; both happen or
/// neither. A name that is not an object is skipped: names may be corrupt.
void count_in(std::uint64_t object, std::atomic<std::uint32_t>& word, std::uint32_t says);
/// Drops the reference of a message and stores `says` in its word.
void count_out(std::uint64_t object, std::atomic<std::uint32_t>& word, std::uint32_t says) noexcept;

/// Leaves the object to the parent process: keeps a reference, recorded in this process's ledger, until the
/// parent picks the object up or buries this process.
void leave(std::uint64_t object);
/// Holds an object that a member, live or dead, has left. Throws as hold() does.
void pick_up(std::uint64_t object, std::uint32_t member);

// ---- births and deaths

/// Call before a fork that inherits: adds a hold on everything this process holds, until it releases the
/// returned objects; the child acquires its own.
std::vector<std::uint64_t> hold_for_child();
/// Call before a server is made: children will see this process's handles in their globals, so the objects
/// are kept until this process ends.
void keep_what_is_held();
/// Forgets all holds in a new process; see become_new_process.
void forget_holds(bool inherits);
/// Cleans up after a dead member: completes its interrupted change, then repairs the objects it was working
/// on, then releases everything it held.
void let_go_for_dead(std::uint32_t member);

}  // namespace brood::arena
