// ./x bench [--list] [--case REGEX] [--rounds N] [--quick] [--json FILE]

#include <algorithm>
#include <brood/brood.hpp>
#include <cstdio>
#include <cstring>
#include <regex>
#include <string>
#include <vector>

#include "harness.hpp"

namespace {

struct Measured {
  std::string who;
  std::vector<double> rounds;
  double median() const { return rounds.empty() ? -1 : rounds[rounds.size() / 2]; }
};

std::string bar(double part) {
  std::string text;
  for (int i = 0; i < static_cast<int>(part * 24 + 0.5); ++i) text += "█";
  return text;
}

void run(const bench::Case& c, int rounds, std::FILE* json) {
  std::vector<Measured> all;
  for (const auto& contender : c.contenders) all.push_back({contender.who, {}});
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < c.contenders.size(); ++i) {
      const double value = c.contenders[i].measure();
      if (value >= 0) all[i].rounds.push_back(value);
    }
  }
  for (auto& m : all) std::sort(m.rounds.begin(), m.rounds.end());
  const double ours = all.front().median();
  double most = 0;
  for (const auto& m : all) most = std::max(most, m.median());
  std::printf("\n%s (%s, %s is better)\n", c.name.c_str(), c.unit.c_str(),
              c.more_is_better ? "more" : "less");
  for (const auto& m : all) {
    if (m.rounds.empty()) {
      std::printf("  %-34s absent\n", m.who.c_str());
      continue;
    }
    std::printf("  %-34s %12.4g  [%.4g .. %.4g]  brood is %.3gx  %s\n", m.who.c_str(), m.median(),
                m.rounds.front(), m.rounds.back(), ours / m.median(), bar(m.median() / most).c_str());
    if (json != nullptr) {
      std::fprintf(
          json,
          "{\"case\":\"%s\",\"who\":\"%s\",\"value\":%g,\"unit\":\"%s\",\"better\":\"%s\",\"cpus\":%d,"
          "\"rounds\":%zu,\"min\":%g,\"max\":%g}\n",
          c.name.c_str(), m.who.c_str(), m.median(), c.unit.c_str(), c.more_is_better ? "more" : "less",
          brood::usable_cpu_count(), m.rounds.size(), m.rounds.front(), m.rounds.back());
    }
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  bool list = false;
  std::string only;
  int rounds = 5;
  bool quick = false;
  std::FILE* json = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool more = i + 1 < argc;
    if (argument == "--list")
      list = true;
    else if (argument == "--case" && more)
      only = argv[++i];
    else if (argument == "--rounds" && more)
      rounds = std::max(1, std::atoi(argv[++i]));
    else if (argument == "--quick")
      quick = true;
    else if (argument == "--json" && more)
      json = std::fopen(argv[++i], "w");
    else
      return std::fprintf(stderr,
                          "brood_bench: %s is not understood; [--list] [--case REGEX] [--rounds N] [--quick] "
                          "[--json FILE]\n"
                          "--quick: three rounds, without the cases that take minutes\n",
                          argv[i]),
             2;
  }
  std::vector<bench::Case> cases;
  for (auto make : {bench::start_cases, bench::task_cases, bench::queue_cases, bench::death_cases}) {
    for (auto& c : make()) cases.push_back(std::move(c));
  }
  if (quick) rounds = std::min(rounds, 3);
  for (const auto& c : cases) {
    if (!std::regex_search(c.name, std::regex(only))) continue;
    if (quick && c.takes_minutes) continue;
    if (list)
      std::printf("%s\n", c.name.c_str());
    else
      run(c, rounds, json);
  }
  if (json != nullptr) std::fclose(json);
}
