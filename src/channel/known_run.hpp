#pragma once
// Where a run lies that a queue names: the name may be noise.

#include <array>
#include <cstddef>

#include "arena/arena.hpp"

namespace brood::channel {

/// Its address; null when what the place names is no run of that size. What was one when this thread looked
/// last is believed, for it lies inside the arena whatever has become of it since.
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
