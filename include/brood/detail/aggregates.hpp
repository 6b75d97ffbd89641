#pragma once
// Reflection over aggregates: Boost.PFR, and a guard in front of it for what PFR cannot do.

#include <boost/pfr/core.hpp>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace brood::detail {

struct Anything {
  template <class T>
  operator T() const;  // only named, never called
};
template <std::size_t>
using AnythingAt = Anything;
// Fits where a base class or a const reference is, and nowhere else.
template <class Derived>
struct AnyBaseOf {
  template <class T>
    requires(std::is_base_of_v<T, Derived> && !std::is_same_v<T, Derived>)
  operator T() const;
};
struct AnyConstReference {
  template <class T>
    requires std::is_const_v<T>
  operator T&() const;
};
// Fits whatever can be copied, and non-const references.
struct AnyReference {
  template <class T>
    requires(!std::is_const_v<T>)
  operator T&() const;
};
template <std::size_t>
using AnyReferenceAt = AnyReference;

// T{any x Before, {}, any x After} compiles.
template <class T, class Before, class After>
inline constexpr bool braces_fit = false;
template <class T, std::size_t... B, std::size_t... A>
inline constexpr bool braces_fit<T, std::index_sequence<B...>, std::index_sequence<A...>> = requires {
  T{AnythingAt<B>{}..., {}, AnythingAt<A>{}...};
};

// T{any x N} compiles.
template <class T, class Fields>
inline constexpr bool takes = false;
template <class T, std::size_t... I>
inline constexpr bool takes<T, std::index_sequence<I...>> = requires { T{AnythingAt<I>{}...}; };

template <class T, class Fields>
inline constexpr bool takes_references = false;
template <class T, std::size_t... I>
inline constexpr bool takes_references<T, std::index_sequence<I...>> =
    requires { T{AnyReferenceAt<I>{}...}; };

template <class T, class Before, class After>
inline constexpr bool const_reference_fits = false;
template <class T, std::size_t... B, std::size_t... A>
inline constexpr bool const_reference_fits<T, std::index_sequence<B...>, std::index_sequence<A...>> =
    requires {
      T{AnythingAt<B>{}..., AnyConstReference{}, AnythingAt<A>{}...};
    };

/// How many initializers an aggregate takes at the most: its fields, where there are no C arrays and bases.
template <class T>
constexpr std::size_t initializers() {
  constexpr std::size_t most_possible = sizeof(T) * 8 < 63 ? sizeof(T) * 8 : 63;
  std::size_t most = 0;
  [&]<std::size_t... N>(std::index_sequence<N...>) {
    ((takes<T, std::make_index_sequence<N>> ? most = N : most), ...);
  }(std::make_index_sequence<most_possible + 1>{});
  return most;
}

template <class T>
constexpr bool has_base() {
  return requires { T{AnyBaseOf<T>{}}; };
}

/// A field is a reference.
template <class T>
constexpr bool has_reference() {
  constexpr std::size_t n = initializers<T>();
  bool found = false;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((found =
          found || const_reference_fits<T, std::make_index_sequence<I>, std::make_index_sequence<n - 1 - I>>),
     ...);
  }(std::make_index_sequence<n>{});
  // Values do not bind to non-const references: then fewer initializers fit than references would.
  [&]<std::size_t... N>(std::index_sequence<N...>) {
    ((found = found || takes_references<T, std::make_index_sequence<n + 1 + N>>), ...);
  }(std::make_index_sequence<8>{});
  return found;
}

/// A member is a C array, as far as the language lets one see. The elements of an array count as initializers
/// of their own; a pair of braces in the place of the first one takes them all, so that the rest is too many.
template <class T>
constexpr bool has_c_array() {
  constexpr std::size_t n = initializers<T>();
  bool found = false;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((found = found || (I + 1 < n && braces_fit<T, std::make_index_sequence<I>, std::index_sequence<>> &&
                        !braces_fit<T, std::make_index_sequence<I>, std::make_index_sequence<n - 1 - I>>)),
     ...);
  }(std::make_index_sequence<n>{});
  return found;
}

template <class T>
inline constexpr std::size_t field_count = initializers<T>();

/// References to all fields. PFR's own count of them is passed by: with default member initializers that hold
/// lists it crashes GCC 12 (in check_noexcept_r), so this calls what lies behind boost::pfr::structure_tie.
template <class T>
constexpr auto tie_fields(T& aggregate) {
  return boost::pfr::detail::tie_as_tuple(aggregate,
                                          boost::pfr::detail::size_t_<field_count<std::remove_cv_t<T>>>{});
}
template <class T, std::size_t I>
using Field = std::remove_reference_t<decltype(boost::pfr::detail::sequence_tuple::get<I>(
    tie_fields(std::declval<T&>())))>;
template <std::size_t I, class T>
constexpr auto& get_field(T& aggregate) {
  return boost::pfr::detail::sequence_tuple::get<I>(tie_fields(aggregate));
}

}  // namespace brood::detail
