#pragma once
// The worker's side of a pool, which runs in the child.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brood::pool {

/// Runs a worker until the program says quit or the initializer fails (the lane says which). `initializer`:
/// CodeRef of the thunk that decodes and runs `call`; 0: there is none.
void worker_main(std::uint64_t initializer, std::vector<std::byte> call);

/// Call in a new process, which may be a copy of a worker: it is not a worker until worker_main runs.
void forget_worker();

}  // namespace brood::pool
