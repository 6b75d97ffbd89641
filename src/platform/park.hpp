#pragma once
// Sleeping until a word changes, between threads and between processes.

#include <atomic>
#include <brood/detail/deadline.hpp>
#include <cstdint>

namespace brood::platform {

using Word = std::atomic<std::uint32_t>;

/// Sleeps while word == seen, at most until the deadline; may wake early. False when the deadline has passed.
/// The word may lie in memory that processes share, at different addresses.
bool park(const Word& word, std::uint32_t seen, detail::Deadline until);

/// Wakes up to n sleepers of the word; returns how many.
int unpark(const Word& word, int n);
inline void unpark_all(const Word& word) { unpark(word, 1 << 30); }

/// The processor this thread runs on; costs a nanosecond.
std::uint32_t this_processor();

/// Watches the word for a while before sleeping, as long as the peer that will change it last ran on another
/// processor (it tells in `peer`, shared memory): on the same one it could not run while we watch.
inline constexpr std::chrono::microseconds spin_time{40};
/// True when the word changed meanwhile.
bool spin(const Word& word, std::uint32_t seen, const Word& peer,
          std::chrono::nanoseconds longest = spin_time);

/// Lets others run on this processor, if there are any.
void yield();
/// One breath of a spinning wait.
inline void relax() { __builtin_ia32_pause(); }

}  // namespace brood::platform
