#pragma once
// Waiting for many descriptors at once.

#include <cstdint>
#include <vector>

#include "platform/descriptor.hpp"

namespace brood::platform {

class Poller {
 public:
  Poller();  // throws OsError
  /// wait returns `key` when the descriptor is readable or its other end is closed.
  /// `once`: only when new data has come, so that a descriptor without writers is not reported repeatedly.
  void add(int descriptor, std::uint64_t key, bool once = false);
  void remove(int descriptor);
  /// May be called from any thread: the next wait returns at once.
  void wake();
  /// The keys of ready descriptors; empty if woken or if `milliseconds` (-1: never) have passed.
  std::vector<std::uint64_t> wait(int milliseconds);

 private:
  Descriptor poll_, wake_;
};

/// A descriptor that is always readable for poll.
Descriptor always_readable();
/// A pipe whose read end does not block. Throws OsError.
Descriptor make_pipe_reader();
/// Reads what is available, at most n bytes; 0: nothing now; -1: no writer and nothing left.
long read_some(const Descriptor& from, char* to, std::size_t n);

}  // namespace brood::platform
