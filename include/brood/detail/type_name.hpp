#pragma once
// Readable names of types and functions, for messages only, never as identity.

#include <string_view>

namespace brood::detail {

template <class T>
constexpr std::string_view raw_name() {
  return __PRETTY_FUNCTION__;
}
template <auto V>
constexpr std::string_view raw_value_name() {
  return __PRETTY_FUNCTION__;
}

constexpr std::string_view cut_name(std::string_view text, std::string_view key) {
  const auto from = text.find(key);
  if (from == text.npos) return text;
  text.remove_prefix(from + key.size());
  const auto to = text.find_first_of(";]");
  return text.substr(0, to);
}

/// "std::vector<int>", as this compiler writes it.
template <class T>
constexpr std::string_view type_name() {
  constexpr auto text = raw_name<T>();
  // A type can contain ; or ] only inside its own brackets; the last ] closes the list of
  // __PRETTY_FUNCTION__.
  const auto from = text.find("T = ");
  auto name = text.substr(from + 4);
  if (const auto more = name.find("; std::string_view"); more != name.npos) name = name.substr(0, more);
  if (!name.empty() && name.back() == ']') name.remove_suffix(1);
  return name;
}

/// The name of a function that is a template argument: "parse".
template <auto V>
constexpr std::string_view value_name() {
  return cut_name(raw_value_name<V>(), "V = ");
}

template <class T>
constexpr bool is_lambda() {
  const auto name = raw_name<T>();
  return name.find("<lambda") != name.npos || name.find("(lambda") != name.npos;
}

}  // namespace brood::detail
