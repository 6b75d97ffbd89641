#pragma once
/// Timeout: how long a call may wait. Every call that can wait takes a Timeout, by default without a limit,
/// and has a second form, with a name that ends in _until, that takes a time point of any std::chrono clock:
///
///   using namespace std::chrono_literals;
///   auto line = lines.get(500ms);
///   auto next = lines.get_until(std::chrono::steady_clock::now() + 2s);
///   if (!process.join(2s)) process.terminate();
///
/// When the time is over, a call that returns a value throws (Empty or Full for a Queue, otherwise
/// TimeoutError), a call that only waits returns false, and the try_ calls of Queue return false or nothing.
/// With a timeout of zero or less a call checks once and does not wait.

#include <brood/detail/deadline.hpp>
#include <brood/detail/std_parts.hpp>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace brood {

/// A span of time, or no limit. Calls that wait take a Timeout, and any std::chrono::duration converts to it.
class Timeout {
 public:
  /// Makes a Timeout without a limit.
  constexpr Timeout() = default;
  /// Converts any duration. More than 30 years is in practice no limit: the call waits until its condition
  /// holds.
  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> span) : span_(as_nanoseconds(span)) {}
  /// Does not compile: a number has no unit.
  template <class Number>
    requires(std::is_arithmetic_v<Number> && !std::same_as<Number, bool>)
  constexpr Timeout(Number) {
    static_assert(
        std::same_as<Number, void>,
        "brood: a timeout needs a unit: write 5s or 100ms, with using namespace std::chrono_literals");
  }
  /// The time left until the given moment, measured now by the moment's own clock.
  template <class Clock, class Duration>
  static Timeout until(std::chrono::time_point<Clock, Duration> when) {
    using Seconds = std::chrono::duration<double>;
    const auto now = Clock::now();
    const Seconds left = Seconds(when.time_since_epoch()) - Seconds(now.time_since_epoch());
    if (left < Seconds(longest) && left > -Seconds(longest)) return Timeout(when - now);
    return Timeout(left);  // the difference may be more than those clocks can hold
  }

  /// False when there is no limit.
  constexpr bool is_limited() const { return span_ != no_limit; }
  /// The span of time, at most 292 years; meaningless when there is no limit.
  constexpr std::chrono::nanoseconds span() const { return span_; }
  /// For brood: the moment at which the timeout expires, counted from now.
  detail::Deadline deadline() const {
    return is_limited() ? detail::Deadline::in(span_) : detail::Deadline::never();
  }

 private:
  static constexpr auto no_limit = std::chrono::nanoseconds::max();
  static constexpr std::chrono::nanoseconds longest{9'000'000'000'000'000'000};

  template <class Rep, class Period>
  static constexpr std::chrono::nanoseconds as_nanoseconds(std::chrono::duration<Rep, Period> span) {
    const double wide = std::chrono::duration<double, std::nano>(span).count();
    if (!(wide < 9e18)) return longest;  // true for NaN as well
    if (wide <= -9e18) return -longest;
    return std::chrono::ceil<std::chrono::nanoseconds>(span);
  }

  std::chrono::nanoseconds span_ = no_limit;
};

}  // namespace brood
