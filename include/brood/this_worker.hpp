#pragma once
/// What a task may ask about the worker that runs it.

#include <cstdint>

namespace brood::this_worker {

/// This process is the worker of a pool.
bool exists();
/// 0 to the pool's size - 1. Throws UsageError outside of a worker, as the others do.
int index();
/// How often the place has been filled: 1 for the first process with this index.
std::uint32_t incarnation();
/// A number of its own for each worker and incarnation, for random generators.
std::uint64_t seed();

}  // namespace brood::this_worker
