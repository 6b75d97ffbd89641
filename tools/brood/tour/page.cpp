#include "page.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
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

struct Paragraph {
  enum class Kind { plain, item, remember } kind;
  std::string mark;  // what an item begins with: "- ", "12. "
  std::string text;
};

// The paragraph that `line` begins, when it has a mark at its begin.
Paragraph begin_of(std::string_view line) {
  using Kind = Paragraph::Kind;
  if (line.starts_with("> ")) return {Kind::remember, "▌ ", std::string(line.substr(2))};
  const auto digits = line.find_first_not_of("0123456789");
  const bool numbered =
      digits > 0 && digits != std::string_view::npos && line.substr(digits).starts_with(". ");
  if (!numbered && !line.starts_with("- ")) return {Kind::plain, "", std::string(line)};
  const auto size = (numbered ? digits : 0) + 2;
  return {Kind::item, std::string(line.substr(0, size)), std::string(line.substr(size))};
}

std::string without_spaces_at_end(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::vector<Paragraph> paragraphs_of(std::string_view text) {
  std::vector<Paragraph> all;
  for (bool open = false; !text.empty();) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto begin = begin_of(line);
    if (line.empty())
      open = false;
    else if (open && begin.kind == Paragraph::Kind::plain)
      all.back().text += '\n' + begin.text;
    else
      all.push_back(std::move(begin)), open = true;
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
  using Kind = Paragraph::Kind;
  auto before = Kind::plain;
  for (const auto& [kind, mark, text] : paragraphs_of(paragraphs)) {
    if (kind != Kind::item || before != Kind::item) fmt::print("\n");  // the items of a list stay together
    before = kind;
    const int margin = width_of(mark);
    const std::string tail =
        kind == Kind::remember ? mark : std::string(static_cast<std::size_t>(margin), ' ');
    lines(mark, tail, wrap(text, std::min(columns_, widest_prose) - margin),
          kind == Kind::remember ? bold : none);
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
