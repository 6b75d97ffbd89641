#pragma once
// The worker's side of a pool: runs in the child.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brood::pool {

/// The whole life of a worker; returns when the program says quit, or the initializer failed (the lane
/// tells). `initializer`: CodeRef of the thunk that decodes and runs `call`; 0: there is none.
void worker_main(std::uint64_t initializer, std::vector<std::byte> call);

/// In a new process, which may be a copy of a worker: it is none, until worker_main says so.
void forget_worker();

}  // namespace brood::pool
