#pragma once
// The lane region of a process: mapped before its fork server is cloned, so that every worker has it; each
// worker keeps only its own lane mapped.

#include <cstdint>

#include "pool/lane_layout.hpp"

namespace brood::pool {

constexpr std::uint32_t most_lanes = 4096;

/// Takes a lane for a worker about to be made, zeroed and with real memory for `slots` slots. Throws
/// NoMemory.
std::uint32_t take_lane(std::uint32_t slots);
/// Returns a lane whose worker has certainly ended.
void give_lane_back(std::uint32_t index);
Lane& lane_at(std::uint32_t index);

/// In a worker: its own lane.
Lane& own_lane();

}  // namespace brood::pool
