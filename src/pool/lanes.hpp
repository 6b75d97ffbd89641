#pragma once
// The lane region of a process: mapped before its fork server is cloned, so that every worker has it; each
// keeps its own lane alone.

#include <cstdint>

#include "pool/lane_layout.hpp"

namespace brood::pool {

constexpr std::uint32_t most_lanes = 4096;

/// A lane for a worker that is about to be made, zeroed and with real memory for so many slots. Throws
/// NoMemory.
std::uint32_t take_lane(std::uint32_t slots);
/// Its worker has ended for sure.
void give_lane_back(std::uint32_t index);
Lane& lane_at(std::uint32_t index);

/// In a worker: the lane it was told of.
Lane& own_lane();

}  // namespace brood::pool
