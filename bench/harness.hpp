#pragma once
// Cases measure brood and its peers in turn, in one run; only ratios out of one run mean anything.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

struct Contender {
  std::string who;                  // "brood", "floor: ...", or a peer
  std::function<double()> measure;  // one round; a negative value: not to be had here
};

struct Case {
  std::string name;
  std::string unit;
  bool more_is_better;
  std::vector<Contender> contenders;
  bool takes_minutes = false;
  int most_rounds = std::numeric_limits<int>::max();
};

std::vector<Case> start_cases();
std::vector<Case> task_cases();
std::vector<Case> length_cases();
std::vector<Case> map_cases();
std::vector<Case> nested_cases();
std::vector<Case> future_cases();
std::vector<Case> queue_cases();
std::vector<Case> queue_growth_cases();
std::vector<Case> value_cases();
std::vector<Case> idle_cases();
std::vector<Case> death_cases();

double seconds_now();

/// How long the operations of a round take, and what they cost in all processes of the bench: made before
/// them, gone after them.
class Metered {
 public:
  explicit Metered(double operations);
  ~Metered();
  Metered(const Metered&) = delete;
  Metered& operator=(const Metered&) = delete;

  /// Since it was made.
  double seconds() const { return seconds_now() - begun_; }

 private:
  double operations_;
  std::uint64_t nanoseconds_, system_calls_;
  double begun_;  // the last: what the counting takes is not in it
};

/// Of one operation; negative: not counted here, or not metered.
struct Cost {
  double microseconds = -1;  // of processors
  double system_calls = -1;
};
/// Of what was metered since the last time this was asked.
Cost take_cost();
/// Before brood is initialised and anything is started; else nothing is counted.
void begin_counting();
/// Anything at all, where it is begun.
bool can_count();
/// A sentence, or "".
std::string what_is_not_counted();
/// Whether a round was metered since this was last asked.
bool take_metered();

/// Seconds for n calls at once, each with a future of its own; negative where their results do not add up to
/// `sum`.
template <class Submit>
double seconds_for(int n, long sum, Submit submit) {
  std::vector<decltype(submit(0))> futures;
  futures.reserve(static_cast<std::size_t>(n));
  const Metered metered(n);
  for (int i = 0; i < n; ++i) futures.push_back(submit(i));
  for (auto& f : futures) sum -= f.get();
  const double seconds = metered.seconds();
  return sum == 0 ? seconds : -1;
}

/// M/s, of calls that give back their number.
template <class Submit>
double million_a_second(int n, Submit submit) {
  const double seconds = seconds_for(n, static_cast<long>(n) * (n - 1) / 2, submit);
  return seconds < 0 ? -1 : n / seconds / 1e6;
}

/// One call after the other, each waited for.
template <class Once>
double microseconds_each(int n, Once once) {
  const Metered metered(n);
  for (int i = 0; i < n; ++i) once(i);
  return metered.seconds() / n * 1e6;
}
/// The same, each after a rest of so many us, which is not counted; 0: none.
template <class Once>
double microseconds_after_rest(int n, int rest, Once once) {
  double all = 0;
  for (int i = 0; i < n; ++i) {
    if (rest != 0) std::this_thread::sleep_for(std::chrono::microseconds(rest));
    const double begun = seconds_now();
    once(i);
    all += seconds_now() - begun;
  }
  return all / n * 1e6;
}

/// The Fibonacci number, and how many calls the plain recursion takes for it.
inline long fib_of(int n) {
  long a = 0, b = 1;
  for (; n > 0; --n) a = std::exchange(b, a + b);
  return a;
}
inline double calls_of_fib(int n) { return 2.0 * static_cast<double>(fib_of(n + 1)) - 1; }

/// Runs a Python program of so many operations and reads the number it prints; negative where there is no
/// Python. What it costs is with its start.
double python(const std::string& program, double operations = 1);

}  // namespace bench
