#pragma once
// What a person sees: sizes, bars, names that cannot harm a terminal.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tool {

std::string bytes_text(std::uint64_t bytes);  // "1.2 GB"
std::string count_text(std::uint64_t n);      // "12,345"
std::string bar(double part, int width);      // of █ and its eighths
/// Names are bytes: control characters are escaped, so that none reaches the terminal.
std::string printable(std::string_view name);
bool stderr_is_terminal();
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

 private:
  bool on_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace tool
