#pragma once
// A small arena of this process alone, as good as new for each input, and noise for it.

#include <cstddef>
#include <cstdint>
#include <span>

#include "arena/arena.hpp"
#include "targets.hpp"

namespace fuzz {

/// Everything that the inputs before have left is gone. Whoever held an object lets go of it first.
void renew_arena();

/// One word of `over` becomes what the input says.
void write_noise(std::span<std::byte> over, Bytes& from);

/// The arena's own books: header, members, the words of chunks.
std::span<std::byte> books();

}  // namespace fuzz
