#pragma once
/// Naming a function for another process.
///
/// Anything that can be called without looking at this process travels: free functions, static members,
/// member functions (with the object as first argument), lambdas without captures, function objects (as their
/// fields). There is nothing to register.

#include <brood/detail/type_name.hpp>
#include <functional>
#include <utility>

namespace brood {

/// A function as a type of its own: `fn<parse>` says at compile time what `parse` says at run time. Use it to
/// pick one of several overloads (`fn<static_cast<int (*)(int)>(f)>`) and for the best names in messages.
template <auto Function>
struct Fn {
  static constexpr std::string_view name() { return detail::value_name<Function>(); }
  template <class... Args>
  decltype(auto) operator()(Args&&... args) const {
    return std::invoke(Function, std::forward<Args>(args)...);
  }
};
template <auto Function>
inline constexpr Fn<Function> fn{};

}  // namespace brood
