#include "progress/bar_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace brood::progress_bar {
namespace {

std::string grouped(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (auto at = static_cast<int>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string time_text(double seconds) {
  char text[32];
  if (!(seconds < 360'000)) return "?";
  const auto s = static_cast<int>(std::lround(seconds));
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%02d:%02d", s / 60, s % 60);
  return text;
}

// Three digits; a rate below one per second is given as seconds per item.
std::string rate_text(double rate, std::string_view unit) {
  if (!(rate > 0) || !std::isfinite(rate)) return "? " + std::string(unit) + "/s";
  char text[32];
  if (rate >= 999.5)
    return grouped(static_cast<std::uint64_t>(std::llround(rate))) + " " + std::string(unit) + "/s";
  std::snprintf(text, sizeof text, "%.3g", rate >= 1 ? rate : 1 / rate);
  return rate >= 1 ? text + (" " + std::string(unit)) + "/s" : text + std::string(" s/") + std::string(unit);
}

std::string bar_of(double part, int width, bool utf8) {
  constexpr std::array eighths = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int n = static_cast<int>(part * width * 8);
  std::string text;
  for (int i = 0; i < width; ++i) {
    const int filled = std::clamp(n - 8 * i, 0, 8);
    if (filled == 8)
      text += utf8 ? "█" : "#";
    else
      text += utf8 ? eighths[static_cast<std::size_t>(filled)] : filled >= 4 ? "-" : " ";
  }
  return text;
}

// The length of the text's first character; 0: it is not UTF-8.
std::size_t length_at(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  const std::size_t length = byte < 0x80   ? 1
                             : byte < 0xc2 ? 0
                             : byte < 0xe0 ? 2
                             : byte < 0xf0 ? 3
                             : byte < 0xf5 ? 4
                                           : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

// Replaces control characters and invalid UTF-8, whose width on a terminal is unknown.
std::string harmless(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = length_at(text.substr(at));
    const bool control = static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f;
    if (length == 0 || control)
      out += '?';
    else
      out += text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

// East Asian characters take two columns.
int columns_of(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::size_t length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  const bool wide = length == 4 || (length == 3 && byte >= 0xe3 && byte <= 0xed);
  at = std::min(text.size(), at + length);
  return wide ? 2 : 1;
}
int width_of(std::string_view text) {
  int width = 0;
  for (std::size_t at = 0; at < text.size();) width += columns_of(text, at);
  return width;
}
std::string cut(std::string text, int columns) {
  std::size_t at = 0;
  for (int width = 0; at < text.size();) {
    auto next = at;
    width += columns_of(text, next);
    if (width > columns) break;
    at = next;
  }
  text.resize(at);
  return text;
}

}  // namespace

std::string text_of(const State& state, int columns, bool utf8) {
  const double whole = state.seconds > 0 ? static_cast<double>(state.count) / state.seconds : 0;
  const double rate = state.items_a_second.value_or(whole);
  std::string tail = state.total ? grouped(state.count) + "/" + grouped(*state.total) : grouped(state.count);
  tail += " [" + time_text(state.seconds);
  if (state.total && *state.total > state.count)
    tail += "<" + time_text(static_cast<double>(*state.total - state.count) / rate);
  tail += ", " + rate_text(rate, harmless(state.unit));
  if (state.failed != 0) tail += ", " + grouped(state.failed) + " failed";
  tail += "]";

  std::string head = harmless(state.label);
  if (!state.total) return cut((head.empty() ? "" : head + " ") + tail, columns);
  const double part =
      *state.total == 0 ? 1
                        : std::min(1.0, static_cast<double>(state.count) / static_cast<double>(*state.total));
  char percent[16];
  std::snprintf(percent, sizeof percent, "%s%3d%%", head.empty() ? "" : " ", static_cast<int>(part * 100));
  head += percent;
  const int room = columns - width_of(head) - width_of(tail) - 3;
  if (room < 4) return cut(head + " " + tail, columns);
  return head + "|" + bar_of(part, std::min(room, 60), utf8) + "| " + tail;
}

}  // namespace brood::progress_bar
