#pragma once
// What a type is to the wire, decided once: every other header of this room asks kind_of<T>().

#include <array>
#include <bitset>
#include <brood/bytes.hpp>
#include <brood/detail/aggregates.hpp>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

namespace brood::detail {

enum class Kind {
  codec,      // a user's Codec<T>
  scalar,     // arithmetic, enum: its bytes
  boolean,    // checked when decoded
  opted_in,   // brood::bitwise<T>
  string,     // basic_string
  path,       // filesystem::path
  sequence,   // vector, deque, list, sets, maps: a length and elements
  array,      // std::array
  tuple,      // tuple, pair
  optional,   //
  variant,    //
  unique,     // unique_ptr
  duration,   // chrono
  time,       //
  complex,    //
  bits,       // bitset
  monostate,  //
  aggregate,  // by reflection
  // what cannot travel, and why
  pointer,
  member_pointer,
  null,
  reference,
  view,
  shared,
  owning_array,
  erased,
  c_array,
  closure,
  opaque,
};

template <class T>
concept HasCodec = requires(Writer& w, Reader& r, const T& v) {
  Codec<T>::encode(w, v);
  { Codec<T>::decode(r) } -> std::convertible_to<T>;
};

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <template <class...> class Template, class... Args>
inline constexpr bool is_a<Template<Args...>, Template> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_bitset = false;
template <std::size_t N>
inline constexpr bool is_bitset<std::bitset<N>> = true;
template <class T>
inline constexpr bool is_span = false;
template <class T, std::size_t N>
inline constexpr bool is_span<std::span<T, N>> = true;

template <class T>
inline constexpr bool is_array_owner = false;
template <class T, class D>
inline constexpr bool is_array_owner<std::unique_ptr<T[], D>> = true;

template <class T>
inline constexpr bool is_sequence =
    is_a<T, std::vector> || is_a<T, std::deque> || is_a<T, std::list> || is_a<T, std::forward_list> ||
    is_a<T, std::set> || is_a<T, std::multiset> || is_a<T, std::map> || is_a<T, std::multimap> ||
    is_a<T, std::unordered_set> || is_a<T, std::unordered_multiset> || is_a<T, std::unordered_map> ||
    is_a<T, std::unordered_multimap>;

template <class T, class... Types>
inline constexpr bool is_one_of = (std::is_same_v<T, Types> || ...);
template <class T>
inline constexpr bool is_calendar =
    is_one_of<T, std::chrono::day, std::chrono::month, std::chrono::year, std::chrono::weekday,
              std::chrono::weekday_indexed, std::chrono::weekday_last, std::chrono::month_day,
              std::chrono::month_day_last, std::chrono::month_weekday, std::chrono::month_weekday_last,
              std::chrono::year_month, std::chrono::year_month_day, std::chrono::year_month_day_last,
              std::chrono::year_month_weekday, std::chrono::year_month_weekday_last>;

template <class T>
constexpr Kind kind_of() {
  using std::is_same_v;
  if constexpr (HasCodec<T>)
    return Kind::codec;
  else if constexpr (bitwise<T> || is_calendar<T>)
    return Kind::opted_in;
  else if constexpr (is_same_v<T, bool>)
    return Kind::boolean;
  else if constexpr (is_same_v<T, std::nullptr_t>)
    return Kind::null;
  else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>)
    return Kind::scalar;
  else if constexpr (std::is_reference_v<T>)
    return Kind::reference;
  else if constexpr (std::is_pointer_v<T>)
    return Kind::pointer;
  else if constexpr (std::is_member_pointer_v<T>)
    return Kind::member_pointer;
  else if constexpr (std::is_array_v<T>)
    return Kind::c_array;
  else if constexpr (is_a<T, std::basic_string>)
    return Kind::string;
  else if constexpr (is_a<T, std::basic_string_view> || is_span<T> || is_a<T, std::initializer_list> ||
                     is_a<T, std::reference_wrapper>)
    return Kind::view;
  else if constexpr (is_a<T, std::shared_ptr> || is_a<T, std::weak_ptr>)
    return Kind::shared;
  else if constexpr (is_a<T, std::function>)
    return Kind::erased;
  else if constexpr (is_same_v<T, std::filesystem::path>)
    return Kind::path;
  else if constexpr (is_sequence<T>)
    return Kind::sequence;
  else if constexpr (is_std_array<T>)
    return Kind::array;
  else if constexpr (is_a<T, std::tuple> || is_a<T, std::pair>)
    return Kind::tuple;
  else if constexpr (is_a<T, std::optional>)
    return Kind::optional;
  else if constexpr (is_a<T, std::variant>)
    return Kind::variant;
  else if constexpr (is_array_owner<T>)
    return Kind::owning_array;
  else if constexpr (is_a<T, std::unique_ptr>)
    return Kind::unique;
  else if constexpr (is_a<T, std::chrono::duration>)
    return Kind::duration;
  else if constexpr (is_a<T, std::chrono::time_point>)
    return Kind::time;
  else if constexpr (is_a<T, std::complex>)
    return Kind::complex;
  else if constexpr (is_bitset<T>)
    return Kind::bits;
  else if constexpr (is_same_v<T, std::monostate>)
    return Kind::monostate;
  else if constexpr (std::is_aggregate_v<T> && !has_base<T>())
    return Kind::aggregate;
  else if constexpr (std::is_class_v<T> && requires { &T::operator(); })
    return Kind::closure;
  else
    return Kind::opaque;
}

}  // namespace brood::detail
