#pragma once
/// How to name a function that another process is to run.
///
/// Anything callable that does not depend on this process's memory travels: free functions, static members,
/// member functions (with the object as first argument), lambdas without captures, and function objects (as
/// their fields). There is nothing to register.
///
///   int parse(std::filesystem::path file);
///   pool.apply_async(parse, "a.pdf");                                        // a function
///   pool.apply_async([](int a, int b) { return a + b; }, 1, 2);              // values instead of captures
///   pool.apply_async(&Image::blur, image, 3);                                // a member; image travels
///   pool.apply_async(brood::fn<parse>, "a.pdf");                             // the function as a type
///
/// Arguments are converted to the parameters' types before they travel. Default arguments do not travel: pass
/// them explicitly. A non-const reference parameter does not compile, since changes made through it would be
/// lost; only the first parameter may be one, to receive what the pool's initializer returned (see Pool). A
/// pointer to code loaded by dlopen after brood::init is a UsageError (see renew_server).

#include <brood/detail/std_parts.hpp>
#include <brood/detail/type_name.hpp>
#include <utility>

namespace brood {

/// A function as a type of its own: `fn<parse>` names at compile time what `parse` names at run time. Use it
/// to select an overload (`fn<static_cast<int (*)(int)>(f)>`) and to get the best names in messages.
template <auto Function>
struct Fn {
  /// The function's name as the compiler writes it, such as "parse"; for messages only.
  static constexpr std::string_view name() { return detail::value_name<Function>(); }
  /// Calls the function.
  template <class... Args>
  decltype(auto) operator()(Args&&... args) const {
    return detail::invoke(Function, std::forward<Args>(args)...);
  }
};
/// The value to pass where a function is expected: `pool.map(brood::fn<parse>, files)`.
template <auto Function>
inline constexpr Fn<Function> fn{};

}  // namespace brood
