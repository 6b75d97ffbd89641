#include "base/text.hpp"

#include <algorithm>

namespace brood {
namespace {

constexpr std::string_view ellipsis = "...";
constexpr std::size_t longest_character = 4;

// True in the middle of a character; bytes that are not UTF-8 count as characters of their own.
bool is_inside(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U;
}

}  // namespace

std::string_view whole_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  auto end = most;
  while (end > 0 && most - end < longest_character && is_inside(text, end)) --end;
  return text.substr(0, is_inside(text, end) ? most : end);
}

std::string_view last_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  const auto cut = text.size() - most;
  auto begin = cut;
  while (begin - cut < longest_character && is_inside(text, begin)) ++begin;
  return text.substr(is_inside(text, begin) ? cut : begin);
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  auto kept = whole_characters(text, most - std::min(most, ellipsis.size()));
  // Drops the last word if it was cut, unless it is long: then its beginning says more than the gap would.
  const auto space = kept.find_last_of(" \n");
  if (space != kept.npos && text[kept.size()] != ' ' && kept.size() - space < kept.size() / 3)
    kept = kept.substr(0, space);
  while (!kept.empty() && (kept.back() == ' ' || kept.back() == '\n')) kept.remove_suffix(1);
  return std::string(kept).append(ellipsis.substr(0, most));
}

}  // namespace brood
