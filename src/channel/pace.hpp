#pragma once
// How often to look while one waits for the other side of a queue.
//
// Who looks all the time takes each value as it is written, and with it the cache line, which the writer
// needs for the next: both then go at the pace of the line. Who looks away for a microsecond finds several.
// But who waits for an answer to what it has put itself finds one, later. So each thread learns it: as long
// as there was more than one, it looks away for long; where there was one, for half as long the next time.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "arena/layout.hpp"
#include "platform/park.hpp"

namespace brood::channel {

class Pace {
 public:
  /// It has to wait: pauses between two looks.
  int wait() {
    if (state_ == State::waited) pauses_ = std::max(1, pauses_ / 2);
    if (state_ == State::waiting) return last_;
    state_ = State::waiting;
    return last_ = ++waits_ % 64 == 0 ? most : pauses_;  // now and then: what was so may have changed
  }
  /// It has what it wanted.
  void done() {
    if (state_ == State::waited) pauses_ = last_;  // and had not to wait again
    state_ = state_ == State::waiting ? State::waited : State::idle;
  }

 private:
  enum class State { idle, waiting, waited };
  static constexpr int most = 64;
  int pauses_ = most, last_ = most;
  unsigned waits_ = 0;
  State state_ = State::idle;
};

enum class Side { writer, reader };
/// This thread's, for the queue; or for another one that falls on the same place, which costs time only.
inline Pace& pace_of(std::uint64_t object, Side side) {
  static thread_local constinit std::array<std::array<Pace, 16>, 2> all{};
  return all[static_cast<std::size_t>(side)][object / arena::chunk_size % 16];
}

/// Watches for so long at most, while the other side runs on another processor. True when the wait is over.
template <class Waiting>
bool spin_while(Waiting waiting, const platform::Word& peer, int pauses, std::chrono::nanoseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  do {
    for (int i = 0; i < 64; i += pauses) {
      for (int p = 0; p < pauses; ++p) platform::relax();
      if (!waiting()) return true;
    }
  } while (peer.load(std::memory_order_relaxed) != platform::this_processor() &&
           std::chrono::steady_clock::now() < until);
  return !waiting();
}

}  // namespace brood::channel
