#pragma once
// How often this process has asked for memory of the heap, in all its threads.

#include <cstdint>

std::uint64_t allocations();
