#pragma once
// Where a process was when a deadly signal hit it.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "platform/park.hpp"

namespace brood::platform {

/// In shared memory, zeros at first: the process that crashes writes it, another reads it afterwards.
struct CrashNote {
  static constexpr std::uint32_t most_frames = 48;
  std::array<std::uint64_t, most_frames> frames;  // return addresses, innermost first
  Word count;
  Word no_memory;  // the process could not get any more memory
  Word overflown;  // its stack had no more room
};

/// From here on SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT leave the stack of their thread in the note
/// before they end the process as they would have, on a stack of its own where this thread is concerned (its
/// stack may have overflown). Children of the process leave nothing.
void note_crashes(CrashNote& note);

/// Does what the unwinder needs done once: in this process, or in one that it was cloned from. It takes some
/// 25 page faults.
void prepare_unwinder();
/// The handlers, likewise: in a fork server, for all its children; and anew after reset_signals.
void install_crash_handlers();

// ---- notes of children that have no note of their own: a few places that a parent shares with all of them

/// In a parent, before it makes children. Without memory for it there are no notes.
void prepare_crash_notes();
/// In a child, whose parent had that: it leaves its note there, if it crashes.
void note_crashes_for_parent();
struct Crash {
  std::vector<void*> frames;
  bool overflown = false;
};
/// In the parent, at the child's end: what it left, which may be noise.
std::optional<Crash> take_crash_note(std::int32_t pid);

}  // namespace brood::platform
