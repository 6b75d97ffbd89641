#pragma once
// Cases measure brood and its peers in turn, in one run; only ratios out of one run mean anything.

#include <functional>
#include <string>
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
};

std::vector<Case> start_cases();
std::vector<Case> task_cases();
std::vector<Case> queue_cases();
std::vector<Case> death_cases();

double seconds_now();

/// n calls at once, each with a future of its own, the results added up; negative where the sum is wrong.
template <class Submit>
double million_a_second(int n, Submit submit) {
  using Future = decltype(submit(0));
  std::vector<Future> futures;
  futures.reserve(static_cast<std::size_t>(n));
  const double begun = seconds_now();
  for (int i = 0; i < n; ++i) futures.push_back(submit(i));
  long sum = 0;
  for (auto& f : futures) sum += f.get();
  const double seconds = seconds_now() - begun;
  return sum == static_cast<long>(n) * (n - 1) / 2 ? n / seconds / 1e6 : -1;
}

/// One call after the other, each waited for.
template <class Once>
double microseconds_each(int n, Once once) {
  const double begun = seconds_now();
  for (int i = 0; i < n; ++i) once(i);
  return (seconds_now() - begun) / n * 1e6;
}

/// Runs a Python program and reads the number it prints; negative where there is no Python.
double python(const std::string& program);

}  // namespace bench
