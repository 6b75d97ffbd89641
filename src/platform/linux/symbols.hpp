#pragma once
// Names of functions, and files and lines, out of the files of modules.

#include <cstdint>
#include <string>

#include "platform/modules.hpp"

namespace brood::platform {

struct Named {
  std::string symbol;  // mangled; empty when it is not known
  std::string line;    // "parse.cpp:12", or empty
};

/// What is known of that place; `with_line`: file and line too. Any thread; files stay open for the next
/// time.
Named name_of(const CodePlace& place, bool with_line);

}  // namespace brood::platform
