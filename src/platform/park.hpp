#pragma once
// Sleeping until a word changes, between threads and between processes.

#include <atomic>
#include <brood/detail/deadline.hpp>
#include <cstdint>

namespace brood::platform {

using Word = std::atomic<std::uint32_t>;

/// Sleeps while word == seen, at most until the deadline; may wake up early. False if the deadline has
/// passed. The word may be in memory that processes map at different addresses.
bool park(const Word& word, std::uint32_t seen, detail::Deadline until);

/// Wakes up to n sleepers of the word; returns how many.
int unpark(const Word& word, int n);
inline void unpark_all(const Word& word) { unpark(word, 1 << 30); }

/// The processor on which this thread runs; costs a nanosecond.
std::uint32_t this_processor();

/// Upper bound for watching a word before sleeping. Watching helps only while the peer that will change the
/// word last ran on another processor (`peer`, in shared memory, tells which): on the same one it could not
/// run.
inline constexpr std::chrono::microseconds spin_time{40};
/// Watches the word; true if it changed.
bool spin(const Word& word, std::uint32_t seen, const Word& peer,
          std::chrono::nanoseconds longest = spin_time);

/// Lets other threads run on this processor, if there are any.
void yield();
/// One pause of a spinning wait.
inline void relax() { __builtin_ia32_pause(); }

}  // namespace brood::platform
