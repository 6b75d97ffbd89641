#pragma once
// Who holds which shared object. An object counts its references: one for each process that holds it, one for
// each message in shared memory that names it. Everybody counts for itself; no reference is ever passed on.
//
// A count and the word that tells of it (an entry in a process's ledger, how many names of a message are
// counted) change as one, whenever the process is killed: see `change` in references.cpp. So a dead process
// has left neither a reference too many nor one too few.

#include <atomic>
#include <cstdint>
#include <vector>

#include "arena/layout.hpp"

namespace brood::arena {

using Repair = void (*)(std::uint64_t object, std::uint32_t dead);
using Destroy = void (*)(std::uint64_t object);
/// What to do with objects of a kind (1 to 15): after a death, and when nobody holds one any more. Destroy
/// may be called again for one that was destroyed in part. Called before the first object is made.
void register_kind(std::uint32_t kind, Repair repair, Destroy destroy);

/// The object is new, and this process holds it. Throws NoMemory.
void hold_new(std::uint64_t object);
/// This process holds the object once more. Throws DecodeError when there is no such object (of that kind),
/// NoMemory.
void hold(std::uint64_t object, std::uint32_t kind);
void hold(std::uint64_t object);
/// This process holds it once less; the last one destroys it. Nothing where it is not held.
void let_go(std::uint64_t object) noexcept;
/// This process holds something that its children could share.
bool holds_anything();

/// A message in the arena names the object, and its word says so from now on; or neither. What is no object
/// is passed over: names may be noise.
void count_in(std::uint64_t object, std::atomic<std::uint32_t>& word, std::uint32_t says);
/// It names it no more.
void count_out(std::uint64_t object, std::atomic<std::uint32_t>& word, std::uint32_t says) noexcept;

/// This process leaves the object to its parent: a reference that is noted in its ledger, until the parent
/// picks it up or buries it.
void leave(std::uint64_t object);
/// Holds what a member, living or dead, has left. Throws as hold.
void pick_up(std::uint64_t object, std::uint32_t member);

// ---- births and deaths

/// Before a fork that inherits: this process holds all once more, until it lets go of what is returned; the
/// child counts for itself.
std::vector<std::uint64_t> hold_for_child();
/// Before a server is made: what this process holds its children will see in their globals, so it stays until
/// this process ends.
void keep_what_is_held();
/// In a new process, see become_new_process.
void forget_holds(bool inherits);
/// A dead member's half-done change, then all it was doing to objects, then all it held.
void let_go_for_dead(std::uint32_t member);

}  // namespace brood::arena
