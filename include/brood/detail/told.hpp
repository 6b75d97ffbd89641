#pragma once
// Prints a call's arguments as a short text, for the message about a process that died while making the call.

#include <brood/codec.hpp>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// Appends the value; for a text, at most its first 40 bytes, on one line.
void tell(std::string& to, bool value);
void tell(std::string& to, std::int64_t value);
void tell(std::string& to, std::uint64_t value);
void tell(std::string& to, double value);
void tell(std::string& to, std::string_view value);

/// Types that can be printed without running user code.
template <class T>
concept Told = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, std::string>;

template <Told T>
void tell_value(std::string& to, const T& value) {
  if constexpr (std::same_as<T, bool> || std::same_as<T, std::string>)
    tell(to, value);
  else if constexpr (std::is_floating_point_v<T>)
    tell(to, static_cast<double>(value));
  else if constexpr (std::is_enum_v<T>)
    tell_value(to, static_cast<std::underlying_type_t<T>>(value));
  else if constexpr (std::is_signed_v<T>)
    tell(to, static_cast<std::int64_t>(value));
  else
    tell(to, static_cast<std::uint64_t>(value));
}

/// True when all fields of a starmap item can be printed.
template <class T>
inline constexpr bool are_told = false;
template <Told... Fields>
inline constexpr bool are_told<std::tuple<Fields...>> = sizeof...(Fields) != 0;

inline constexpr std::string_view untold = "...";

/// Appends the next argument. Appends `untold` instead and returns false for one that cannot be printed: the
/// arguments after it cannot be located.
template <class T>
bool tell_next(std::string& to, Reader& call) {
  if (!to.empty()) to += ", ";
  if constexpr (Told<T>) {
    tell_value(to, decode<T>(call));
    return true;
  } else if constexpr (are_told<T>) {
    std::apply(
        [&, first = true](const auto&... each) mutable {
          ((std::exchange(first, false) ? void() : void(to += ", "), tell_value(to, each)), ...);
        },
        decode<T>(call));
    return true;
  } else {
    to += untold;
    return false;
  }
}

}  // namespace brood::detail
