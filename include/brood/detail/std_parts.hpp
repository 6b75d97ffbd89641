#pragma once
// Parts of large standard headers, without the rest of them: the calendar of <chrono>, the views of <ranges>,
// the parallel algorithms behind <memory> and the searchers of <functional> are a quarter of the time that a
// small program takes to compile. GCC 12's library has the needed parts in internal headers, so these are
// included only for that release, with which this is tested; for all others, and where
// BROOD_WHOLE_STD_HEADERS is defined, the whole headers are included. A header of brood that uses any of this
// includes this one.

#include <span>
#include <string>
#include <type_traits>
#include <utility>

#if defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE == 12 && !defined(BROOD_WHOLE_STD_HEADERS)
#include <bits/chrono.h>        // durations and clocks
#include <bits/shared_ptr.h>    // shared_ptr, weak_ptr
#include <bits/std_function.h>  // function
#include <bits/std_mutex.h>     // mutex, lock_guard
#include <bits/unique_ptr.h>    // unique_ptr
// <span> and <string> bring the concepts of ranges, begin, end, size; reference_wrapper and plus.
#else
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <ranges>
#endif

namespace brood::detail {

/// Like std::invoke, which only <functional> provides.
template <class F, class... Args>
constexpr decltype(auto) invoke(F&& f, Args&&... args) {
  if constexpr (std::is_member_pointer_v<std::remove_cvref_t<F>>)
    return std::reference_wrapper<const std::remove_cvref_t<F>>(f)(std::forward<Args>(args)...);
  else
    return std::forward<F>(f)(std::forward<Args>(args)...);
}

}  // namespace brood::detail
