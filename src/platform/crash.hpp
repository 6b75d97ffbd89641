#pragma once
// Where a process was when a deadly signal hit it.

#include <array>
#include <cstdint>

#include "platform/park.hpp"

namespace brood::platform {

/// In shared memory, zeros at first: the process that crashes writes it, another reads it afterwards.
struct CrashNote {
  static constexpr std::uint32_t most_frames = 48;
  std::array<std::uint64_t, most_frames> frames;  // return addresses, innermost first
  Word count;
  Word no_memory;  // the process could not get any more memory
};

/// From here on SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT leave the stack of their thread in the note
/// before they end the process as they would have, on a stack of its own where this thread is concerned (its
/// stack may have overflown). Children of the process leave nothing.
void note_crashes(CrashNote& note);

/// Does what the unwinder needs done once: in this process, or in one that it was cloned from. It takes some
/// 25 page faults.
void prepare_unwinder();

}  // namespace brood::platform
