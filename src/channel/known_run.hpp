#pragma once
// Finds the address of a run that a queue names; the name may be corrupt.

#include <array>
#include <cstddef>

#include "arena/arena.hpp"

namespace brood::channel {

/// The address of the run at `place`; null when there is no run of at least that size. A place found valid
/// before by this thread is trusted: it is inside the arena, whatever has become of the run since.
inline std::byte* known_run(arena::Place place, std::size_t size) {
  struct Seen {
    std::uint64_t bits = 0;
    std::size_t size = 0;
    std::byte* at = nullptr;
  };
  static thread_local constinit std::array<Seen, 64> all{};
  Seen& seen = all[place.bits / arena::chunk_size % all.size()];
  if (seen.bits == place.bits && seen.size == size) return seen.at;
  if (!place.is_run() || arena::size_of(arena::Run::at(place)) < size) return nullptr;
  seen = {place.bits, size, arena::all_of(place.offset(), size)};
  return seen.at;
}

}  // namespace brood::channel
