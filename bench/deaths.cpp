// The program dies: how long its last descendant lives on, over a thousand deaths in every state and way
// (tests/deaths). There is no peer: those of others live on.

#include <array>
#include <cstdio>
#include <memory>

#include "harness.hpp"

namespace bench {
namespace {

// Count, p50, p99, max, of the one run for all contenders.
const std::array<double, 4>& deaths() {
  static const auto measured = [] {
    std::array<double, 4> all{-1, -1, -1, -1};
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(BROOD_DEATHS " --numbers", "r"),
                                                               &pclose);
    if (!pipe || std::fscanf(pipe.get(), "%lf %lf %lf %lf", &all[0], &all[1], &all[2], &all[3]) != 4)
      all.fill(-1);
    return all;
  }();
  return measured;
}

}  // namespace

std::vector<Case> death_cases() {
  return {{"death of the program to the end of its last descendant, 1,000 deaths",
           "ms",
           false,
           {{"brood, p50", [] { return deaths()[1]; }},
            {"brood, p99", [] { return deaths()[2]; }},
            {"brood, max", [] { return deaths()[3]; }}},
           true}};
}

}  // namespace bench
