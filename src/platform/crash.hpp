#pragma once
// The stack of a process at the time of a fatal signal.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "platform/park.hpp"

namespace brood::platform {

/// In shared memory, zeros at first: the process that crashes writes it, another process reads it afterwards.
struct CrashNote {
  static constexpr std::uint32_t most_frames = 48;
  std::array<std::uint64_t, most_frames> frames;  // return addresses, innermost first
  Word count;
  Word no_memory;  // the process could not get more memory
  Word overflown;  // its stack had overflowed
};

/// From here on, SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT write the stack of their thread into the note
/// before they end the process as usual. For the calling thread, whose stack may have overflowed, the handler
/// has a stack of its own. Children of this process write nothing.
void note_crashes(CrashNote& note);

/// Initialises the unwinder once, in this process or in one that it was cloned from. Costs some 25 page
/// faults.
void prepare_unwinder();
/// Installs the handlers, likewise: in a fork server, for all its children; and again after reset_signals.
void install_crash_handlers();

// ---- notes of children that have no note of their own: a few places that a parent shares with all of them

/// Called in a parent before it makes children. If memory is short, there are no notes.
void prepare_crash_notes();
/// Called in a child of such a parent: the child writes its note there if it crashes.
void note_crashes_for_parent();
struct Crash {
  std::vector<void*> frames;
  bool overflown = false;
};
/// Called in the parent at the child's end: returns what the child wrote, which may be noise.
std::optional<Crash> take_crash_note(std::int32_t pid);

}  // namespace brood::platform
