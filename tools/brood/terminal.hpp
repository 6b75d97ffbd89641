#pragma once
// What a person sees: sizes, bars, names that cannot harm a terminal.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tool {

std::string bytes_text(std::uint64_t bytes);  // "1.2 GB"
std::string count_text(std::uint64_t n);      // "12,345"
std::string bar(double part, int width);      // of █ and its eighths
/// Names are bytes: control characters are escaped, so that none reaches the terminal.
std::string printable(std::string_view name);
bool stderr_is_terminal();
/// The text in lines of at most so many columns, broken between words; the lines but the first begin with so
/// many spaces. A word that is longer than a line stays whole.
std::string wrapped(const std::string& text, int width, int indent = 0);
/// The same on stdout or stderr: as wide as the terminal there; as it is where there is none.
void print_wrapped(std::FILE* to, const std::string& text, int indent = 0);
/// Columns of the terminal behind a descriptor; 80 when there is none.
int terminal_width(int descriptor = 2);

/// One line on stderr that is written over, ten times a second at most; nothing without a terminal.
class StatusLine {
 public:
  explicit StatusLine(bool wanted);
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  bool due();
  void show(const std::string& text);
  /// Before something else is printed.
  void clear();

 private:
  bool on_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace tool
