#pragma once
// In a worker: what it may hold while it runs a task. Data is limited by RLIMIT_DATA, beyond which
// allocations fail; the real memory of the worker and of all that the task starts by a cgroup, where one can
// be made.

#include <exception>
#include <new>

#include "pool/lane_layout.hpp"

namespace brood::pool {

/// While this lives. `bytes`: of the task, 0: as for the worker's life. The first is for that: task number 0.
class MemoryLimit {
 public:
  MemoryLimit(Lane& lane, std::uint32_t task_number, std::uint64_t bytes);
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { lift(); }

  void lift();
  /// Throws MemoryLimitExceeded when something that the task started was killed for it.
  void check();
  /// What has really happened when the task ends with this.
  std::exception_ptr cause_of(std::exception_ptr error);

 private:
  std::uint64_t bytes_, most_;
  std::uint64_t before_ = 0;
  std::new_handler handler_ = nullptr;
};

/// After a fork, in the child.
void forget_memory_limit();

}  // namespace brood::pool
