#include <brood/errors.hpp>
#include <brood/shared.hpp>

#include "platform/file.hpp"

namespace brood::detail {

// A random 64-bit number: two of them are never the same in practice, and a process that finds the wrong
// value would need a pair among those that it has at one time.
std::uint64_t new_shared_number() { return platform::random_number() | 1; }

void refuse_shared_names() {
  throw UsageError(
      "a Shared value cannot hold queues, locks or blocks of memory: pass them as arguments of their own");
}

}  // namespace brood::detail
