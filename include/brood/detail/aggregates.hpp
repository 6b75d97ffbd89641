#pragma once
// Reflection over aggregates: Boost.PFR, plus checks that reject the types that PFR cannot handle.

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
// AnyBaseOf initialises only a base class, AnyConstReference only a const reference.
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
// Initialises anything that can be copied, and non-const references.
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

/// The largest number of initializers that an aggregate takes: its number of fields if it has no C arrays and
/// bases.
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

/// True when a field is a reference.
template <class T>
constexpr bool has_reference() {
  constexpr std::size_t n = initializers<T>();
  bool found = false;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((found =
          found || const_reference_fits<T, std::make_index_sequence<I>, std::make_index_sequence<n - 1 - I>>),
     ...);
  }(std::make_index_sequence<n>{});
  // Values do not bind to non-const references, so with such a field more references fit than values.
  [&]<std::size_t... N>(std::index_sequence<N...>) {
    ((found = found || takes_references<T, std::make_index_sequence<n + 1 + N>>), ...);
  }(std::make_index_sequence<8>{});
  return found;
}

/// True when a member is a C array, as far as the language allows detection. Each element of an array counts
/// as an initializer; a pair of braces in place of the first element initialises the whole array, so the
/// remaining initializers are too many.
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

/// References to all fields. Bypasses PFR's own field count, which crashes GCC 12 (in check_noexcept_r) for
/// default member initializers that contain lists, by calling the implementation behind
/// boost::pfr::structure_tie.
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
