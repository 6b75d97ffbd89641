#include "terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

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

namespace {

// Code points: wide characters, which stand in names of files, may make a line longer.
int columns_of(std::string_view word) {
  return static_cast<int>(std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string wrapped(const std::string& text, int width, int indent) {
  std::string all;
  int column = 0;
  bool fresh = true;  // nothing in this line yet
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      all += '\n' + std::string(static_cast<std::size_t>(indent), ' ');
      column = indent;
      fresh = true;
      ++at;
      continue;
    }
    const auto begin = std::min(text.find_first_not_of(' ', at), text.size());
    const auto end = std::min(text.find_first_of(" \n", begin), text.size());
    const auto word = std::string_view(text).substr(begin, end - begin);
    const int spaces = static_cast<int>(begin - at);
    if (!fresh && column + spaces + columns_of(word) > width) {
      all += '\n' + std::string(static_cast<std::size_t>(indent), ' ');
      column = indent;
    } else {
      all += std::string(static_cast<std::size_t>(spaces), ' ');
      column += spaces;
    }
    all += word;
    column += columns_of(word);
    fresh = fresh && word.empty();
    at = end;
  }
  return all;
}

void print_wrapped(std::FILE* to, const std::string& text, int indent) {
  const int descriptor = fileno(to);
  std::fputs((isatty(descriptor) != 0 ? wrapped(text, terminal_width(descriptor), indent) : text).c_str(),
             to);
  std::fputc('\n', to);
}

StatusLine::~StatusLine() { clear(); }

void StatusLine::clear() {
  if (!std::exchange(shown_, false)) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
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
