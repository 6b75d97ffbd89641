#include "page.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "../terminal.hpp"
#include "typeset.hpp"

namespace tool {
namespace {

constexpr int widest_prose = 88;  // longer lines are hard to read
constexpr int narrowest = 12;     // below this nothing is gained by breaking lines
constexpr int narrowest_with_time = 40;
constexpr const char* bold = "1";
constexpr const char* dim = "2";
constexpr const char* none = "";

bool has_colours() {
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(1) != 0 && term != nullptr && std::string_view(term) != "dumb" &&
         (no_colour == nullptr || *no_colour == '\0');
}

// What an item begins with: "- ", "12. ", "> "; nothing for a plain paragraph.
std::string mark_of(std::string_view line) {
  std::size_t digits = 0;
  while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) ++digits;
  if (digits > 0 && line.substr(digits).starts_with(". ")) return std::string(line.substr(0, digits + 2));
  for (const char* mark : {"- ", "> "})
    if (line.starts_with(mark)) return mark;
  return {};
}

std::string without_spaces_at_end(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

struct Paragraph {
  std::string mark, text;
};

std::vector<Paragraph> paragraphs_of(std::string_view text) {
  std::vector<Paragraph> all;
  for (bool open = false; !text.empty();) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto mark = mark_of(line);
    if (line.empty()) {
      open = false;
    } else if (open && mark.empty()) {
      all.back().text += '\n' + std::string(line);
    } else {
      all.push_back({mark, std::string(line.substr(mark.size()))});
      open = true;
    }
  }
  return all;
}

}  // namespace

Page::Page() : columns_(std::max(terminal_width(1), narrowest)), colours_(has_colours()) {}

std::string Page::styled(const char* style, const std::string& text) const {
  return colours_ && !text.empty() && *style != '\0' ? fmt::format("\033[{}m{}\033[0m", style, text) : text;
}

void Page::lines(const std::string& head, const std::string& tail, const std::vector<std::string>& text,
                 const char* style) const {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto line = without_spaces_at_end(text[i]);
    const auto& margin = i == 0 ? head : tail;
    fmt::print("{}{}\n", styled(dim, line.empty() ? without_spaces_at_end(margin) : margin),
               styled(style, line));
  }
}

void Page::title(const std::string& number, const std::string& text) const {
  const std::string head = number.empty() ? "━━ " : "━━ " + number + " ";
  auto wrapped = wrap(text, columns_ - width_of(head));
  const int left = columns_ - width_of(head) - width_of(wrapped.front()) - 1;
  fmt::print("\n");
  if (wrapped.size() == 1 && left > 0) {
    std::string rule = " ";
    for (int i = 0; i < left; ++i) rule += "━";
    wrapped.front() += rule;
  }
  lines(head, std::string(static_cast<std::size_t>(width_of(head)), ' '), wrapped, bold);
}

void Page::prose(std::string_view paragraphs) const {
  std::string before;
  for (const auto& [mark, text] : paragraphs_of(paragraphs)) {
    const bool item = !mark.empty() && mark != "> ";
    if (!(item && before == mark.substr(mark.size() - 2))) fmt::print("\n");  // items of a list stay together
    before = item ? mark.substr(mark.size() - 2) : "";
    const std::string head = mark == "> " ? "▌ " : mark;
    const std::string tail = mark == "> " ? head : std::string(mark.size(), ' ');
    const int width = std::min(columns_, widest_prose) - width_of(head);
    lines(head, tail, wrap(text, width), mark == "> " ? bold : none);
  }
}

void Page::caption(const std::string& text) const {
  fmt::print("\n");
  lines("", "", wrap(text, columns_), dim);
}

void Page::code(const std::vector<std::string>& code) const {
  for (const auto& line : code) lines("  │ ", "  ┊ ", fold(line, columns_ - 4), none);
}

void Page::live(double seconds, const std::string& text) const {
  const bool narrow = columns_ < narrowest_with_time;
  const std::string head = narrow ? "│ " : fmt::format("{:6.2f} │ ", seconds);
  const std::string tail = narrow ? "┊ " : "       ┊ ";
  lines(head, tail, fold(printable(text), columns_ - width_of(tail)), none);
  std::fflush(stdout);
}

void Page::item(const std::string& head, const std::string& text) const {
  const int margin = width_of(head);
  lines(head, std::string(static_cast<std::size_t>(margin), ' '), wrap(text, columns_ - margin), none);
}

}  // namespace tool
