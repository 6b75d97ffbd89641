#pragma once
// Names of functions, and files and lines, from the files of modules.

#include <cstdint>
#include <string>

#include "platform/modules.hpp"

namespace brood::platform {

struct Named {
  std::string symbol;  // mangled; empty if unknown
  std::string line;    // "parse.cpp:12", or empty
};

/// Looks up a place; `with_line`: file and line too. Callable from any thread; files stay open for the next
/// call.
Named name_of(const CodePlace& place, bool with_line);

}  // namespace brood::platform
