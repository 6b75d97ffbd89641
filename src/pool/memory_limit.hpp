#pragma once
// In a worker: limits the memory that it may hold while it runs a task. RLIMIT_DATA limits its data: beyond
// the limit allocations fail. A cgroup, where one can be made, limits the real memory of the worker and of
// everything the task starts.

#include <exception>
#include <new>

#include "pool/lane_layout.hpp"

namespace brood::pool {

/// Applies a limit while it lives. `bytes`: the task's limit, 0: the worker's own. The first one made, with
/// task number 0, sets the worker's own limit.
class MemoryLimit {
 public:
  MemoryLimit(Lane& lane, std::uint32_t task_number, std::uint64_t bytes);
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { lift(); }

  void lift();
  /// Throws MemoryLimitExceeded when a program that the task started was killed for exceeding the limit.
  void check();
  /// The real cause when the task ends with this exception.
  std::exception_ptr cause_of(std::exception_ptr error);

 private:
  std::uint64_t bytes_, most_;
  std::uint64_t before_ = 0;
  std::new_handler handler_ = nullptr;
};

/// Forgets the limit; call in the child after a fork.
void forget_memory_limit();

}  // namespace brood::pool
