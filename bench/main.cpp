// ./x bench [--list] [--case REGEX] [--rounds N] [--quick] [--json FILE], or --draw JSON SVG

#include <fmt/format.h>
#include <algorithm>
#include <brood/brood.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "harness.hpp"
#include "picture.hpp"

namespace {

struct Measured {
  std::string who;
  std::vector<double> rounds;  // sorted, once all are there
  bench::Cost cost;
  double median() const { return rounds.empty() ? -1 : rounds[rounds.size() / 2]; }
};

// The kernel's counting makes what is counted slower, so that is done by a bench of its own: one round, of
// which it prints a line for each contender.
constexpr const char* costs_of = "--costs-of";

int print_costs(const bench::Case& c) {
  for (const auto& contender : c.contenders) {
    bench::take_cost();
    const double value = contender.measure();
    const auto cost = value < 0 ? bench::Cost{} : bench::take_cost();
    std::printf("%s %.17g %.17g\n", costs_of, cost.microseconds, cost.system_calls);
    std::fflush(stdout);
  }
  return 0;
}

std::vector<bench::Cost> counted(const bench::Case& c, std::size_t number) {
  std::vector<bench::Cost> all;
  char line[512];
  const std::string me = std::filesystem::read_symlink("/proc/self/exe");
  const auto command = "'" + me + "' " + costs_of + " " + std::to_string(number) + " 2>/dev/null";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  while (pipe && std::fgets(line, sizeof line, pipe.get()) != nullptr) {
    bench::Cost cost;
    if (std::sscanf(line, "--costs-of %lf %lf", &cost.microseconds, &cost.system_calls) == 2)
      all.push_back(cost);
  }
  all.resize(c.contenders.size());
  return all;
}

std::string bar(double part) {
  std::string text;
  for (int i = 0; i < static_cast<int>(part * 24 + 0.5); ++i) text += "█";
  return text;
}

// Of one operation: the processors' time, system calls.
std::string small(double value, const char* absent = "") {
  return value < 0 ? absent : fmt::format("{:.3g}", value);
}

std::string title(const bench::Case& c) {
  return c.name + " (" + c.unit + ", " + (c.more_is_better ? "more" : "less") + " is better)";
}

// `number`: of the case. `can_count`: the kernel counts for us, at least the processors' time.
void run(const bench::Case& c, std::size_t number, int rounds, bool can_count, std::FILE* json) {
  std::vector<Measured> all;
  bench::take_metered();
  for (const auto& contender : c.contenders) all.push_back({contender.who, {}, {}});
  for (int round = 0; round < std::min(rounds, c.most_rounds); ++round) {
    for (std::size_t i = 0; i < c.contenders.size(); ++i) {
      const double value = c.contenders[i].measure();
      if (value >= 0) all[i].rounds.push_back(value);
    }
  }
  if (bench::take_metered() && can_count) {
    const auto costs = counted(c, number);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].cost = costs[i];
  }
  for (auto& m : all) std::sort(m.rounds.begin(), m.rounds.end());
  const double ours = all.front().median();
  double most = 0;
  for (const auto& m : all) most = std::max(most, m.median());
  std::printf("\n%-63s %-26s%10s %8s\n", title(c).c_str(), "", "cpu us", "calls");
  for (const auto& m : all) {
    if (m.rounds.empty()) {
      std::printf("  %-34s absent\n", m.who.c_str());
      continue;
    }
    const auto ratio = m.median() > 0 ? fmt::format("brood is {:.3g}x", ours / m.median()) : "";
    std::printf("  %-36s %10.4g %-22s %-18s%10s %8s  %s\n", m.who.c_str(), m.median(),
                fmt::format("[{:.4g} .. {:.4g}]", m.rounds.front(), m.rounds.back()).c_str(), ratio.c_str(),
                small(m.cost.microseconds).c_str(), small(m.cost.system_calls).c_str(),
                bar(most > 0 ? m.median() / most : 0).c_str());
    if (json != nullptr) {
      std::fprintf(
          json,
          "{\"case\":\"%s\",\"who\":\"%s\",\"value\":%g,\"unit\":\"%s\",\"better\":\"%s\",\"cpus\":%d,"
          "\"rounds\":%zu,\"min\":%g,\"max\":%g,\"cpu_us\":%s,\"system_calls\":%s}\n",
          c.name.c_str(), m.who.c_str(), m.median(), c.unit.c_str(), c.more_is_better ? "more" : "less",
          brood::usable_cpu_count(), m.rounds.size(), m.rounds.front(), m.rounds.back(),
          small(m.cost.microseconds, "null").c_str(), small(m.cost.system_calls, "null").c_str());
    }
  }
  std::fflush(stdout);
}

constexpr const char* usage =
    "[--list] [--case REGEX] [--rounds N] [--quick] [--json FILE]\n"
    "--quick        three rounds, without the cases that take minutes\n"
    "--json FILE    one object a line for each who of each case\n"
    "--draw JSON SVG   draws the cases 'calls a second' of such a file, and measures nothing\n";

struct Options {
  bool list = false, quick = false;
  std::regex only{""};
  int rounds = 5;
  std::FILE* json = nullptr;
};

// A sentence where something is wrong, else "".
std::string read(int argc, char** argv, Options& to) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (argument == "--list") {
      to.list = true;
    } else if (argument == "--quick") {
      to.quick = true;
    } else if (argument == "--case" && value != nullptr) {
      try {
        to.only = std::regex(argv[++i]);
      } catch (const std::regex_error&) {
        return std::string(value) + " is no regular expression";
      }
    } else if (argument == "--rounds" && value != nullptr) {
      to.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (argument == "--json" && value != nullptr) {
      to.json = std::fopen(argv[++i], "w");
      if (to.json == nullptr) return std::string(value) + " cannot be written";
    } else {
      return argument + " is not understood, or lacks its value; " + usage;
    }
  }
  if (to.quick) to.rounds = std::min(to.rounds, 3);
  return "";
}

int complain(const std::string& what) {
  if (!what.empty()) std::fprintf(stderr, "brood_bench: %s\n", what.c_str());
  return what.empty() ? 0 : 2;
}

std::vector<bench::Case> all_cases() {
  std::vector<bench::Case> cases;
  for (auto make : {bench::start_cases, bench::task_cases, bench::length_cases, bench::map_cases,
                    bench::nested_cases, bench::future_cases, bench::queue_cases, bench::queue_growth_cases,
                    bench::value_cases, bench::idle_cases, bench::death_cases}) {
    for (auto& c : make()) cases.push_back(std::move(c));
  }
  return cases;
}

}  // namespace

int main(int argc, char** argv) {
  const bool for_costs = argc == 3 && argv[1] == std::string(costs_of);
  if (for_costs) bench::begin_counting();
  brood::init(argc, argv);
  const auto cases = all_cases();
  if (for_costs) return print_costs(cases.at(std::stoul(argv[2])));
  if (argc == 4 && argv[1] == std::string("--draw")) return complain(bench::draw(argv[2], argv[3]));
  Options options;
  if (const int wrong = complain(read(argc, argv, options))) return wrong;
  const bool can_count = !options.list && bench::can_count();
  if (!options.list) {
    std::printf("cpu us: the processors' time for one operation, in all processes; calls: system calls. %s\n",
                bench::what_is_not_counted().c_str());
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& c = cases[i];
    if (!std::regex_search(c.name, options.only) || (options.quick && c.takes_minutes)) continue;
    if (options.list)
      std::printf("%s\n", c.name.c_str());
    else
      run(c, i, options.rounds, can_count, options.json);
  }
  if (options.json != nullptr) std::fclose(options.json);
}
