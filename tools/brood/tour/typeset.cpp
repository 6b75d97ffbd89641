#include "typeset.hpp"

#include <algorithm>
#include <array>

namespace tool {
namespace {

struct Character {
  std::string_view bytes;
  char32_t code = 0;
};

// The first character of `text`, which is not empty. A byte that begins no UTF-8 is one by itself.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (size == 1 || size > text.size()) return {text.substr(0, 1), lead};
  char32_t code = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {text.substr(0, 1), lead};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  return {text.substr(0, size), code};
}

// East Asian Wide and Fullwidth, as Unicode has them: coarse where whole blocks are wide.
bool is_wide(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  constexpr std::array<Range, 9> wide = {{{0x1100, 0x115f},
                                          {0x2e80, 0x303e},
                                          {0x3041, 0xa4cf},
                                          {0xac00, 0xd7a3},
                                          {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f},
                                          {0xff00, 0xff60},
                                          {0xffe0, 0xffe6},
                                          {0x1f300, 0x3fffd}}};
  return std::any_of(wide.begin(), wide.end(),
                     [c](const Range& range) { return range.first <= c && c <= range.last; });
}

int columns_of(const Character& c) { return is_wide(c.code) ? 2 : 1; }

bool may_not_begin(char32_t c) {
  return std::u32string_view(U"，。、；：！？）》〉」』】”’…,.;:!?)]}").find(c) != std::u32string_view::npos;
}
bool may_not_end(char32_t c) {
  return std::u32string_view(U"（《〈「『【“‘([{").find(c) != std::u32string_view::npos;
}

bool may_break_between(char32_t before, char32_t after) {
  return (is_wide(before) || is_wide(after)) && !may_not_end(before) && !may_not_begin(after);
}

// What stays together in a line: a word, or a Chinese character with its punctuation.
struct Word {
  std::string text;
  bool after_space;
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  bool space = true;
  for (char32_t before = 0; !text.empty();) {
    const Character c = first_of(text);
    text.remove_prefix(c.bytes.size());
    if (c.code == ' ' || c.code == '\n') {
      // Chinese has no spaces: one at a line's end in the text file is none.
      space = c.code == ' ' || !is_wide(before) || text.empty() || !is_wide(first_of(text).code);
      continue;
    }
    if (space || words.empty() || may_break_between(before, c.code)) words.push_back({"", space});
    words.back().text += c.bytes;
    before = c.code;
    space = false;
  }
  return words;
}

// Takes the last word off the line and returns it; nothing when what stays would be short or empty.
std::string cut_last_word(std::string& line, int least) {
  const auto space = line.rfind(' ');
  if (space == std::string::npos || line.find_first_not_of(' ') > space ||
      width_of(std::string_view(line).substr(0, space)) < least)
    return {};
  std::string word = line.substr(space + 1);
  line.erase(space + 1);
  return word;
}

}  // namespace

int width_of(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Character c = first_of(text);
    width += columns_of(c);
    text.remove_prefix(c.bytes.size());
  }
  return width;
}

std::vector<std::string> fold(std::string_view line, int columns) {
  std::vector<std::string> pieces(1);
  for (int width = 0; !line.empty();) {
    const Character c = first_of(line);
    if (width + columns_of(c) > columns && width > 0) {
      pieces.push_back(cut_last_word(pieces.back(), columns / 2));
      width = width_of(pieces.back());
    }
    pieces.back() += c.bytes;
    width += columns_of(c);
    line.remove_prefix(c.bytes.size());
  }
  return pieces;
}

namespace {

// A word that is longer than a line. Its last piece must not be punctuation alone.
std::vector<std::string> fold_word(const std::string& word, int columns) {
  auto pieces = fold(word, columns);
  if (pieces.size() < 2 || !may_not_begin(first_of(pieces.back()).code)) return pieces;
  auto& before = pieces[pieces.size() - 2];
  std::size_t last = before.size();
  do {
    --last;  // to the first byte of the character, and of its punctuation
  } while (last > 0 && ((static_cast<unsigned char>(before[last]) & 0xc0U) == 0x80U ||
                        may_not_begin(first_of(std::string_view(before).substr(last)).code)));
  pieces.back().insert(0, before.substr(last));
  before.erase(last);
  return pieces;
}

}  // namespace

std::vector<std::string> wrap(std::string_view text, int columns) {
  std::vector<std::string> lines;
  for (const Word& word : words_of(text)) {
    const std::string glue = word.after_space ? " " : "";
    if (!lines.empty() && width_of(lines.back() + glue + word.text) <= columns) {
      lines.back() += glue + word.text;
      continue;
    }
    for (auto& piece : fold_word(word.text, columns)) lines.push_back(std::move(piece));
  }
  return lines;
}

}  // namespace tool
