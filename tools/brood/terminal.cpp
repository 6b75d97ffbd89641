#include "terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>

namespace tool {

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units = {"B", "kB", "MB", "GB", "TB"};
  auto n = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (n >= 1000 && unit + 1 < units.size()) n /= 1000, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", n, units[unit]);
}

std::string count_text(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string bar(double part, int width) {
  constexpr std::array eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int n =
      std::isfinite(part) ? static_cast<int>(std::lround(std::fmin(std::fmax(part, 0), 1) * width * 8)) : 0;
  std::string text;
  for (int i = 0; i < n / 8; ++i) text += "█";
  return text + eighths[static_cast<std::size_t>(n % 8)];
}

std::string printable(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      text += fmt::format("\\x{:02x}", byte);
    else
      text += c;
  }
  return text;
}

bool stderr_is_terminal() { return isatty(2) != 0; }

int terminal_width(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

StatusLine::StatusLine(bool wanted) : on_(wanted && stderr_is_terminal()) {}

StatusLine::~StatusLine() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

bool StatusLine::due() {
  const auto now = std::chrono::steady_clock::now();
  if (!on_ || now < next_) return false;
  next_ = now + std::chrono::milliseconds(100);
  return true;
}

void StatusLine::show(const std::string& text) {
  shown_ = true;
  std::fputs(("\r\033[K" + text.substr(0, static_cast<std::size_t>(terminal_width() - 1))).c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace tool
