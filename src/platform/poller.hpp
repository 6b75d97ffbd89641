#pragma once
// Waiting for many descriptors at once.

#include <cstdint>
#include <vector>

#include "platform/descriptor.hpp"

namespace brood::platform {

class Poller {
 public:
  Poller();  // throws OsError
  /// `key` comes back from wait when the descriptor is readable or its other end has gone.
  /// `once`: only when something new has come, so that one without writers keeps quiet.
  void add(int descriptor, std::uint64_t key, bool once = false);
  void remove(int descriptor);
  /// From any thread: the next wait returns at once.
  void wake();
  /// Keys of what is ready; empty when woken or when `milliseconds` (-1: never) have passed.
  std::vector<std::uint64_t> wait(int milliseconds);

 private:
  Descriptor poll_, wake_;
};

/// A descriptor that polls readable, now and for ever.
Descriptor always_readable();
/// A pipe whose read end does not block. Throws OsError.
Descriptor make_pipe_reader();
/// Reads what is there, at most n bytes; 0: nothing now; -1: no writer and nothing left.
long read_some(const Descriptor& from, char* to, std::size_t n);

}  // namespace brood::platform
