#pragma once
// The words in the arena by which processes ask for the terminal.

#include <cstdint>

#include "arena/arena.hpp"
#include "platform/child.hpp"

namespace brood::process {

inline constexpr std::uint32_t refused_wish = 0xffffffff;  // the keeper's answer in a cell; 0: granted

inline arena::TerminalWords& terminal_words() { return arena::header().terminal; }

/// 0 for a value that cannot be a pid: any process may have written it.
inline platform::Pid pid_in_word(const platform::Word& word) {
  const auto pid = word.load();
  return pid > 1 && pid <= (1U << 22) ? static_cast<platform::Pid>(pid) : 0;
}

}  // namespace brood::process
