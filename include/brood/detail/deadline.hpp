#pragma once
// Deadline: the one type for "until when". Every wait below the public headers takes one.

#include <brood/detail/std_parts.hpp>
#include <cstdint>
#include <limits>

namespace brood::detail {

/// A moment of the steady clock, or never. Made from any duration: zero and negative ones have already
/// passed, and ones too long for the clock (or NaN) mean never.
class Deadline {
 public:
  static Deadline never() { return Deadline(latest); }
  static Deadline now() { return Deadline(earliest); }

  template <class Rep, class Period>
  static Deadline in(std::chrono::duration<Rep, Period> wait) {
    const double seconds = std::chrono::duration<double>(wait).count();
    if (seconds <= 0) return now();
    if (!(seconds < 1e9)) return never();  // also NaN; 1e9 s are 30 years
    return after(std::chrono::ceil<std::chrono::nanoseconds>(wait));
  }

  bool is_never() const { return when_ == latest; }
  /// True when the caller asked not to wait at all.
  bool is_now() const { return when_ == earliest; }
  bool passed() const;

  /// The time left, not below zero; meaningless for never.
  std::chrono::nanoseconds left() const;

  /// The earlier of this and `wait` from now.
  template <class Rep, class Period>
  Deadline at_most(std::chrono::duration<Rep, Period> wait) const {
    const Deadline other = in(wait);
    return other.when_ < when_ ? other : *this;
  }

 private:
  static constexpr auto latest = std::numeric_limits<std::int64_t>::max();
  static constexpr auto earliest = std::numeric_limits<std::int64_t>::min();
  explicit Deadline(std::int64_t when) : when_(when) {}
  static Deadline after(std::chrono::nanoseconds wait);

  std::int64_t when_;  // nanoseconds of the steady clock
};

}  // namespace brood::detail
