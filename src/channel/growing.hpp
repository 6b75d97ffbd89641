#pragma once
// Lets one thread at a time make a queue longer. Otherwise, when many writers find it full at once, each
// would fault in memory for the same purpose, and all but one would throw it away again.

#include <chrono>
#include <cstdint>

#include "platform/park.hpp"

namespace brood::channel {

/// Held while the queue is made longer. This is an optimisation, not a lock: the word that names the new
/// memory decides whose memory is used. So a thread that has waited long enough (the holder may be stopped,
/// or the word corrupt) proceeds alongside the holder. Repair after a death clears a dead holder's claim.
class Growing {
 public:
  /// `word`: in the queue; 0, or 1 + the member whose thread holds it. `bytes`: the size of the new memory.
  Growing(platform::Word& word, std::uint32_t me, std::uint64_t bytes) : word_(word), mine_(me + 1) {
    const auto until = detail::Deadline::in(patience_for(bytes));
    for (std::uint32_t holder = 0; !word_.compare_exchange_strong(holder, mine_); holder = 0) {
      if (!platform::park(word_, holder, until) && until.passed()) return;
    }
    held_ = true;
  }
  ~Growing() {
    if (held_) forget(word_, mine_ - 1);
  }
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;

  /// Clears the claim of a member that no longer grows the queue.
  static void forget(platform::Word& word, std::uint32_t member) {
    std::uint32_t claim = member + 1;
    if (word.compare_exchange_strong(claim, 0)) platform::unpark_all(word);
  }

 private:
  // Faulting in a page takes a quarter of a microsecond on an idle machine.
  static std::chrono::nanoseconds patience_for(std::uint64_t bytes) {
    return std::chrono::milliseconds(10) + std::chrono::microseconds(bytes / 4096 * 2);
  }

  platform::Word& word_;
  const std::uint32_t mine_;
  bool held_ = false;
};

}  // namespace brood::channel
