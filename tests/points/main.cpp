// brood_points: kills a party of brood at every instruction of an operation, and looks at the books.

#include <brood/init.hpp>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <regex>

#include "base/planted.hpp"
#include "plants.hpp"
#include "trial.hpp"

namespace points {
namespace {

constexpr int skipped = 77;

struct Options {
  bool list = false, plants = false, quiet = false;
  std::string plant;  // empty: all
  std::regex scenario{""};
  std::string at;
  unsigned every = 0;  // 0: as the time allows
  unsigned offset = static_cast<unsigned>(std::time(nullptr) / 86400);
  double seconds = 0;  // in all; 0: no limit
  unsigned most_failures = 5;
  int patience = 20;
  bool stop_at_first = false;
};

const char* const usage =
    "brood_points [--list] [--scenario REGEX] [--every K] [--offset N] [--seconds N] [--at POINT]\n"
    "             [--patience SECONDS] [--first] [--plants | --plant NAME]\n"
    "  --every K     every K-th point; without it, as many as --seconds allows, or all\n"
    "  --offset N    which of K; without it, it changes with the date\n"
    "  --at POINT    this point alone, as a failure names it\n"
    "  --first       stop at the first failure\n"
    "  --plants      in a build with planted bugs: looks for each of them\n"
    "  --plant NAME  looks for that one alone\n";

std::vector<const Scenario*> all_scenarios() {
  std::vector<const Scenario*> all;
  for (const auto part : {pool_scenarios(), queue_scenarios(), process_scenarios()}) {
    for (const auto& each : part) all.push_back(&each);
  }
  return all;
}

using Clock = std::chrono::steady_clock;
double since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

struct Row {
  std::size_t points = 0, tried = 0, met = 0, failures = 0;
  unsigned every = 1;
};

void tell(const Scenario& scenario, const std::string& point, const std::string& where,
          const std::string& why) {
  std::printf("FAILED %s%s%s: %s\n  %s\n  brood_points --scenario '^%s$'%s%s\n", scenario.name,
              point.empty() ? "" : " at ", point.c_str(), why.c_str(), where.c_str(), scenario.name,
              point.empty() ? "" : " --at ", point.c_str());
  std::fflush(stdout);
}

/// `seconds`: for this scenario; 0: no limit.
Row run(const Scenario& scenario, const Options& options, double seconds) {
  const auto start = Clock::now();
  const std::chrono::seconds patience(options.patience);
  Stepper stepper(scenario, patience);
  Row row;
  const auto failed = [&](const Point* point, const std::string& why) {
    ++row.failures;
    if (!options.quiet)
      tell(scenario, point != nullptr ? point->name() : "",
           point != nullptr ? describe(*point) : "not at a point", why);
    return row.failures >= options.most_failures || options.stop_at_first;
  };
  std::vector<Point> points;
  if (options.at.empty()) {
    auto found = stepper.find(points);
    // Where several compete, one may come away with too few turns to begin.
    for (int i = 0; i < 10 && found.failure.empty() && !found.met; ++i) found = stepper.find(points);
    if (!found.failure.empty()) failed(nullptr, found.failure);
    if (!found.met) failed(nullptr, "nobody came to the begin mark");
    if (row.failures != 0) return row;
  } else {
    const auto point = Point::parse(options.at);
    if (!point) throw std::runtime_error("no point is called " + options.at);
    points = {*point};
  }
  row.points = points.size();
  const auto try_one = [&](const Point& point) {
    ++row.tried;
    const auto outcome = stepper.kill_at(point);
    row.met += outcome.met;
    return !outcome.failure.empty() && failed(&point, outcome.failure);
  };

  // A few first, spread over all, tell what one costs.
  if (options.every != 0) {
    row.every = options.every;
  } else if (seconds > 0) {
    constexpr std::size_t sample = 6;
    const auto began = Clock::now();
    while (row.tried < sample && (row.tried < 2 || since(start) < seconds)) {
      if (try_one(points[(row.tried * points.size() / sample + options.offset) % points.size()])) return row;
    }
    const double left = std::max(seconds - since(start), 0.0);
    const double affordable = left / (since(began) / static_cast<double>(row.tried));
    row.every = static_cast<unsigned>(static_cast<double>(points.size()) / std::max(affordable, 1.0)) + 1;
  }
  for (std::size_t i = options.offset % row.every; i < points.size(); i += row.every) {
    if (seconds > 0 && options.every == 0 && since(start) > 2 * seconds + 1) break;  // the machine is busy
    if (try_one(points[i])) return row;
  }
  if (const auto end = stepper.end(); !end.empty()) failed(nullptr, end);
  return row;
}

int run_all(const Options& options) {
  std::vector<const Scenario*> chosen;
  for (const auto* each : all_scenarios()) {
    if (std::regex_search(each->name, options.scenario)) chosen.push_back(each);
  }
  if (chosen.empty()) throw std::runtime_error("no scenario has a name that matches --scenario");
  if (options.list) {
    for (const auto* each : chosen) std::puts(each->name);
    return 0;
  }
  adopt_orphans();
  make_stage();
  const auto start = Clock::now();
  std::printf("offset %u\n%-28s %8s %8s %8s %8s %6s\n", options.offset, "scenario", "points", "tried", "met",
              "failures", "every");
  Row sum;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const double share =
        options.seconds > 0
            ? std::max((options.seconds - since(start)) / static_cast<double>(chosen.size() - i), 0.1)
            : 0;
    const Row row = run(*chosen[i], options, share);
    std::printf("%-28s %8zu %8zu %8zu %8zu %6u\n", chosen[i]->name, row.points, row.tried, row.met,
                row.failures, row.every);
    std::fflush(stdout);
    sum.points += row.points;
    sum.tried += row.tried;
    sum.met += row.met;
    sum.failures += row.failures;
    if (sum.failures != 0 && options.stop_at_first) break;
  }
  std::printf("%-28s %8zu %8zu %8zu %8zu %6s %.0f s\n", "all", sum.points, sum.tried, sum.met, sum.failures,
              "", since(start));
  return sum.failures == 0 ? 0 : 1;
}

// Each planted bug must be found, and nothing where none is planted.
int find_plants(Options options) {
#ifdef BROOD_PLANTS
  adopt_orphans();
  make_stage();
  options.quiet = options.stop_at_first = true;
  options.patience = 4;
  std::printf("%-26s %-28s %8s %8s\n", "planted", "scenario", "points", "found at");
  int missed = 0, looked = 0;
  const auto look = [&](const char* plant, const Scenario& scenario, double seconds) {
    setenv("BROOD_PLANT", plant, 1);
    const Row row = run(scenario, options, seconds);
    const bool right = (row.failures != 0) == (*plant != 0);
    std::printf("%-26s %-28s %8zu %8zu%s\n", *plant != 0 ? plant : "-", scenario.name, row.points, row.tried,
                right         ? ""
                : *plant != 0 ? "  MISSED"
                              : "  FOUND WHAT IS NOT THERE");
    std::fflush(stdout);
    missed += !right;
  };
  for (const auto& plant : plants()) {
    if (!options.plant.empty() && options.plant != plant.name) continue;
    for (const auto* each : all_scenarios()) {
      if (std::string_view(each->name) != plant.scenario) continue;
      ++looked;
      look(plant.name, *each, 0);
      look("", *each, 1);
    }
  }
  if (looked == 0) throw std::runtime_error("no planted bug is called " + options.plant);
  return missed == 0 ? 0 : 1;
#else
  static_cast<void>(options);
  std::fputs("no bugs are planted in this build: run brood_points_planted\n", stderr);
  return 2;
#endif
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    const auto number = [&] { return static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10)); };
    if (name == "--list")
      options.list = true;
    else if (name == "--plants")
      options.plants = true;
    else if (name == "--plant")
      options.plants = true, options.plant = value();
    else if (name == "--first")
      options.stop_at_first = true;
    else if (name == "--scenario")
      options.scenario = std::regex(value());
    else if (name == "--at")
      options.at = value();
    else if (name == "--every")
      options.every = number();
    else if (name == "--offset")
      options.offset = number();
    else if (name == "--seconds")
      options.seconds = number();
    else if (name == "--patience")
      options.patience = static_cast<int>(number());
    else
      return false;
  }
  return true;
}

int under_test(int argc, char** argv) {
  const std::string name = argv[2];
  enter_stage(std::atoi(argv[3]));
  brood::init(argc, argv);
  for (const auto* each : all_scenarios()) {
    if (each->name == name) return obey(*each);
  }
  return 2;
}

}  // namespace
}  // namespace points

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--under-test") == 0) return points::under_test(argc, argv);
  points::Options options;
  if (!points::parse(argc, argv, options)) {
    std::fputs(points::usage, stderr);
    return 2;
  }
#if defined(__SANITIZE_ADDRESS__)
  std::puts("skipped: under a sanitizer the instructions are the sanitizer's");
  return points::skipped;
#endif
  try {
    return options.plants ? points::find_plants(options) : points::run_all(options);
  } catch (const points::NoTracing& e) {
    std::printf("skipped: %s\n", e.what());
    return points::skipped;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "brood_points: %s\n", e.what());
    return 2;
  }
}
