#pragma once
// Classifies each type for encoding, in one place: the other headers here ask kind_of<T>().
//
// This includes only the standard headers that brood itself needs. Other standard types are recognised by
// their shape, so that a program pays for <filesystem>, <complex>, <map> and the like only where it uses
// them.

#include <array>
#include <brood/bytes.hpp>
#include <brood/detail/aggregates.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/type_name.hpp>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

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
  calendar,   // chrono: day, year_month and so on
  monostate,  //
  aggregate,  // by reflection
  // types that cannot travel, by reason
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

// ---- the types whose headers are included ----

template <class T>
inline constexpr Kind known_kind = Kind::opaque;
template <class C, class Traits, class A>
inline constexpr Kind known_kind<std::basic_string<C, Traits, A>> = Kind::string;
template <class C, class Traits>
inline constexpr Kind known_kind<std::basic_string_view<C, Traits>> = Kind::view;
template <class T, std::size_t N>
inline constexpr Kind known_kind<std::span<T, N>> = Kind::view;
template <class T>
inline constexpr Kind known_kind<std::initializer_list<T>> = Kind::view;
template <class T>
inline constexpr Kind known_kind<std::reference_wrapper<T>> = Kind::view;
template <class T>
inline constexpr Kind known_kind<std::shared_ptr<T>> = Kind::shared;
template <class T>
inline constexpr Kind known_kind<std::weak_ptr<T>> = Kind::shared;
template <class F>
inline constexpr Kind known_kind<std::function<F>> = Kind::erased;
template <class T, class A>
inline constexpr Kind known_kind<std::vector<T, A>> = Kind::sequence;
template <class T, std::size_t N>
inline constexpr Kind known_kind<std::array<T, N>> = Kind::array;
template <class... T>
inline constexpr Kind known_kind<std::tuple<T...>> = Kind::tuple;
template <class A, class B>
inline constexpr Kind known_kind<std::pair<A, B>> = Kind::tuple;
template <class T>
inline constexpr Kind known_kind<std::optional<T>> = Kind::optional;
template <class... T>
inline constexpr Kind known_kind<std::variant<T...>> = Kind::variant;
template <class T, class D>
inline constexpr Kind known_kind<std::unique_ptr<T, D>> = Kind::unique;
template <class T, class D>
inline constexpr Kind known_kind<std::unique_ptr<T[], D>> = Kind::owning_array;
template <class Rep, class Period>
inline constexpr Kind known_kind<std::chrono::duration<Rep, Period>> = Kind::duration;
template <class Clock, class D>
inline constexpr Kind known_kind<std::chrono::time_point<Clock, D>> = Kind::time;
template <>
inline constexpr Kind known_kind<std::monostate> = Kind::monostate;

// ---- the types of other standard headers ----

// User classes may have the same shape and further members, so only a type whose name begins with namespace
// std counts. Testing the beginning of the name rules out a std type that is merely a template argument.
template <class T>
constexpr bool is_from_std() {
  return type_name<T>().starts_with("std::");
}

/// True for kinds that `travels` has already refused with a message.
constexpr bool is_refused(Kind kind) { return kind >= Kind::pointer; }

/// True for handles (Queue, Shared, ...), whose copies in any process refer to the same object. Specialised
/// next to each class.
template <class T>
inline constexpr bool is_handle = false;

template <class T>
constexpr Kind shaped_kind() {
  if constexpr (!std::is_class_v<T> || !is_from_std<T>())
    return Kind::opaque;
  else if constexpr (requires(T v) { v.get_allocator(), v.begin(), v.clear(); })
    return Kind::sequence;
  else if constexpr (requires(const T& v) { v.native(), T::preferred_separator; })
    return Kind::path;
  else if constexpr (requires(T v) { v.real(), v.imag(); })
    return Kind::complex;
  else if constexpr (requires(T v) { v.to_string(), v.flip(); })
    return Kind::bits;
  else if constexpr (requires(const T& v) {
                       { v.ok() } -> std::same_as<bool>;
                     })
    return Kind::calendar;
  else
    return Kind::opaque;
}

template <class T>
constexpr Kind kind_of() {
  if constexpr (HasCodec<T>)
    return Kind::codec;
  else if constexpr (bitwise<T>)
    return Kind::opted_in;
  else if constexpr (std::is_same_v<T, bool>)
    return Kind::boolean;
  else if constexpr (std::is_null_pointer_v<T>)
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
  else if constexpr (known_kind<T> != Kind::opaque)
    return known_kind<T>;
  else if constexpr (shaped_kind<T>() != Kind::opaque)
    return shaped_kind<T>();
  else if constexpr (std::is_aggregate_v<T> && !has_base<T>())
    return Kind::aggregate;
  else if constexpr (std::is_class_v<T> && requires { &T::operator(); })
    return Kind::closure;
  else
    return Kind::opaque;
}

}  // namespace brood::detail
