#include <brood/detail/deadline.hpp>

namespace brood::detail {

namespace {

std::int64_t clock_now() {
  const std::chrono::nanoseconds since = std::chrono::steady_clock::now().time_since_epoch();
  return since.count();
}

}  // namespace

Deadline Deadline::after(std::chrono::nanoseconds wait) { return Deadline(clock_now() + wait.count()); }

bool Deadline::passed() const { return !is_never() && (is_now() || clock_now() >= when_); }

std::chrono::nanoseconds Deadline::left() const {
  if (is_now()) return {};
  const auto rest = when_ - clock_now();
  return std::chrono::nanoseconds(rest > 0 ? rest : 0);
}

}  // namespace brood::detail
