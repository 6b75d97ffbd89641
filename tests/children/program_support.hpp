#pragma once
// What the programs of this folder have in common.

#include <unistd.h>
#include <brood/brood.hpp>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

inline brood::StartMethod method_of(std::string_view name) {
  if (name == "fork") return brood::StartMethod::fork;
  if (name == "spawn") return brood::StartMethod::spawn;
  return brood::StartMethod::forkserver;
}

/// One line, at once.
[[gnu::format(printf, 1, 2)]] inline void say(const char* format, ...) {
  std::va_list args;
  va_start(args, format);
  std::vprintf(format, args);
  va_end(args);
  std::fflush(stdout);
}

inline void wait_for_ever() {
  for (;;) pause();
}

/// Waits at a FIFO until a byte comes.
inline void wait_at(const std::string& fifo) {
  std::FILE* file = std::fopen(fifo.c_str(), "r+");
  std::fgetc(file);
  std::fclose(file);
}
