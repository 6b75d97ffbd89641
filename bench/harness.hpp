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
};

std::vector<Case> start_cases();
std::vector<Case> task_cases();
std::vector<Case> queue_cases();
std::vector<Case> death_cases();

double seconds_now();
/// Runs a Python program and reads the number it prints; negative where there is no Python.
double python(const std::string& program);

}  // namespace bench
