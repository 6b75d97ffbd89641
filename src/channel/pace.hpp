#pragma once
// How often to poll while waiting for the other side of a queue.
//
// A thread that polls without pause takes each value as soon as it is written, and with it the cache line,
// which the writer needs for the next value: both sides then run at the speed of cache-line transfers. A
// thread that pauses for a microsecond finds several values per poll. But a thread that waits for a reply to
// its own message finds only one value, and finds it later. So each thread adapts: while a wait yields more
// than one value, its pauses stay long; when a wait yielded only one, it halves the next pause.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "arena/layout.hpp"
#include "platform/park.hpp"

namespace brood::channel {

class Pace {
 public:
  /// Call when the thread must wait. Returns the number of pauses between two polls.
  int wait() {
    if (state_ == State::waited) pauses_ = std::max(1, pauses_ / 2);
    if (state_ == State::waiting) return last_;
    state_ = State::waiting;
    return last_ = ++waits_ % 64 == 0 ? most : pauses_;  // tries the longest pause now and then
  }
  /// Call when the thread has what it waited for.
  void done() {
    if (state_ == State::waited) pauses_ = last_;  // did not have to wait again
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
/// This thread's Pace for the queue. Queues that hash to the same entry share it, which only costs time.
inline Pace& pace_of(std::uint64_t object, Side side) {
  static thread_local constinit std::array<std::array<Pace, 16>, 2> all{};
  return all[static_cast<std::size_t>(side)][object / arena::chunk_size % 16];
}

/// Spins for at most `longest`, and only while the other side runs on another processor. True when the wait
/// is over.
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
