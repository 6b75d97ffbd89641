#pragma once
// One way to say "until when": every wait below the public headers takes a Deadline.

#include <chrono>
#include <optional>

namespace brood::detail {

/// A moment of the steady clock, or never. Made from any duration; negative ones and zero have passed
/// already, and ones too long for the clock (or not a number) mean never.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline never() { return Deadline{}; }
  static Deadline now() { return Deadline{Clock::time_point::min()}; }

  template <class Rep, class Period>
  static Deadline in(std::chrono::duration<Rep, Period> wait) {
    const double seconds = std::chrono::duration<double>(wait).count();
    if (seconds <= 0) return now();
    if (!(seconds < 1e9)) return never();  // also NaN; 30 years from here
    return Deadline{Clock::now() + std::chrono::ceil<Clock::duration>(wait)};
  }

  bool is_never() const { return !when_; }
  /// No waiting at all was asked for.
  bool is_now() const { return when_ == Clock::time_point::min(); }
  bool passed() const { return when_ && (is_now() || Clock::now() >= *when_); }

  /// What is left, not below zero; meaningless for never.
  std::chrono::nanoseconds left() const {
    if (is_now()) return {};
    const auto rest = *when_ - Clock::now();
    return rest.count() > 0 ? rest : std::chrono::nanoseconds{};
  }

  /// The earlier of this and `wait` from now.
  template <class Rep, class Period>
  Deadline at_most(std::chrono::duration<Rep, Period> wait) const {
    const auto other = in(wait);
    return !when_ || (other.when_ && *other.when_ < *when_) ? other : *this;
  }

 private:
  Deadline() = default;
  explicit Deadline(Clock::time_point when) : when_(when) {}
  std::optional<Clock::time_point> when_;
};

}  // namespace brood::detail
