#pragma once
/// Naming a function for another process.
///
/// Anything that can be called without looking at this process travels: free functions, static members,
/// member functions (with the object as first argument), lambdas without captures, function objects (as their
/// fields). There is nothing to register.
///
///   int parse(std::filesystem::path file);
///   pool.apply_async(parse, "a.pdf");                                        // a function
///   pool.apply_async([](int a, int b) { return a + b; }, 1, 2);              // values instead of captures
///   pool.apply_async(&Image::blur, image, 3);                                // a member; image travels
///   pool.apply_async(brood::fn<parse>, "a.pdf");                             // the function as a type
///
/// Arguments are converted to the parameters' types before they travel. Default arguments do not travel: pass
/// them. A parameter that is a non-const reference does not compile, since what it changes would be lost;
/// only the first one may be, for what the pool's initializer returned (see Pool). A pointer to code that was
/// loaded by dlopen after brood::init is a UsageError (see renew_server).

#include <brood/detail/std_parts.hpp>
#include <brood/detail/type_name.hpp>
#include <utility>

namespace brood {

/// A function as a type of its own: `fn<parse>` says at compile time what `parse` says at run time. Use it to
/// pick one of several overloads (`fn<static_cast<int (*)(int)>(f)>`) and for the best names in messages.
template <auto Function>
struct Fn {
  /// "parse": for messages only, as the compiler writes it.
  static constexpr std::string_view name() { return detail::value_name<Function>(); }
  /// Calls it.
  template <class... Args>
  decltype(auto) operator()(Args&&... args) const {
    return detail::invoke(Function, std::forward<Args>(args)...);
  }
};
/// The value to pass where a function is asked for: `pool.map(brood::fn<parse>, files)`.
template <auto Function>
inline constexpr Fn<Function> fn{};

}  // namespace brood
