#include <brood/errors.hpp>
#include <brood/shared.hpp>

#include "platform/file.hpp"

namespace brood::detail {

// A random 64-bit number: in practice no two are equal, and a process would confuse two values only if it
// held an equal pair at the same time.
std::uint64_t new_shared_number() { return platform::random_number() | 1; }

void refuse_shared_names() {
  throw UsageError(
      "a Shared value cannot hold queues, locks or blocks of memory: pass them as arguments of their own");
}

}  // namespace brood::detail
