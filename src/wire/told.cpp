#include <brood/detail/told.hpp>
#include <charconv>

#include "base/text.hpp"

namespace brood::detail {

namespace {

constexpr std::size_t most_of_a_text = 40;

template <class Number>
void append(std::string& to, Number value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  to.append(text, end);
}

}  // namespace

void tell(std::string& to, bool value) { to += value ? "true" : "false"; }
void tell(std::string& to, std::int64_t value) { append(to, value); }
void tell(std::string& to, std::uint64_t value) { append(to, value); }
void tell(std::string& to, double value) { append(to, value); }

void tell(std::string& to, std::string_view value) {
  to += '"';
  const auto kept = whole_characters(value, most_of_a_text);
  for (const char c : kept) {
    const bool control = static_cast<unsigned char>(c) < ' ' || c == 127;
    to += control ? '?' : c;
  }
  to += kept.size() < value.size() ? "..." : "";
  to += '"';
}

}  // namespace brood::detail
