// brood_failing: makes the n-th call of each kind fail, for every n until the scenario ends without. Each run
// must end with a right result or with a clean error: an exception that says what failed. Never a crash,
// never a standstill, and nobody left behind.

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <brood/brood.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <system_error>

#include "inject.hpp"
#include "scenarios.hpp"

namespace failing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int page_descriptor = 900;
constexpr int clean_error = 3, wrong = 4;
constexpr int patience = 25;  // seconds, for a run

const char* const usage =
    "brood_failing [--all | --seconds N] [--offset N] [--scenario NAME] [--kind NAME] [--nth N]\n"
    "  --all         every call; else every k-th, k as --seconds allows (45)\n"
    "  --offset N    which of k; without it, it changes with the date\n"
    "  --nth N       that call alone, and what the program says is shown\n"
    "kinds: memory heap process descriptor wait\n";

// ---- the program

int run_scenario(const std::string& name) {
  for (const auto& each : scenarios()) {
    if (each.name != name) continue;
    try {
      each.run();
      return 0;
    } catch (const std::logic_error& e) {  // of brood's none is one but UsageError
      std::fprintf(stderr, "%s\n", e.what());
      return wrong;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "clean: %s\n", e.what());
      return *e.what() != 0 ? clean_error : wrong;
    }
  }
  return wrong;
}

int be_the_program(int argc, char** argv) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  map_page(page_descriptor);
  std::set_terminate([] {
    page().armed.store(0);
    tell_stack("terminates");
    std::abort();
  });
  const std::string name = argv[2];
  const auto kind = static_cast<std::uint32_t>(std::atoi(argv[3]));
  if (name == "init") page().armed.store(kind);
  try {
    brood::init(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "clean: %s\n", e.what());
    return *e.what() != 0 ? clean_error : wrong;
  }
  page().armed.store(kind);
  return run_scenario(name);
}

// ---- the one that watches, without brood

struct Outcome {
  std::string failure;  // empty: right, or a clean error
  bool right = false;
  bool struck = false;
};

// Ends all descendants; this process is the one that orphans come to.
bool nobody_left(std::chrono::milliseconds within) {
  const auto until = Clock::now() + within;
  for (;;) {
    const pid_t one = waitpid(-1, nullptr, __WALL | WNOHANG);
    if (one < 0 && errno == ECHILD) return true;
    if (one == 0 && Clock::now() > until) return false;
    if (one == 0) usleep(200);
  }
}
void kill_all_below() {
  for (int i = 0; i < 100 && !nobody_left(std::chrono::milliseconds(0)); ++i) {
    char command[100];
    std::snprintf(command, sizeof command,
                  "cat /proc/self/task/%d/children /proc/%d/task/%d/children 2>/dev/null", getpid(), getpid(),
                  getpid());
    std::FILE* pipe = popen(command, "r");
    for (int pid = 0; pipe != nullptr && std::fscanf(pipe, "%d", &pid) == 1;) kill(pid, SIGKILL);
    if (pipe != nullptr) pclose(pipe);
    usleep(10'000);
  }
}

Outcome run(const Scenario& scenario, Kind kind, std::uint32_t nth, bool loud) {
  page().armed.store(0);
  page().nth.store(nth);
  page().calls.store(0);
  page().failed.store(0);
  page().loud.store(loud);
  const pid_t pid = fork();
  if (pid == 0) {
    if (!loud) dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    const auto number = std::to_string(static_cast<int>(kind));
    execl("/proc/self/exe", "brood_failing", "--program", scenario.name, number.c_str(), nullptr);
    _exit(127);
  }
  Outcome outcome;
  int status = 0;
  const auto until = Clock::now() + std::chrono::seconds(patience);
  pid_t ended = 0;
  while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && Clock::now() < until) usleep(300);
  outcome.struck = page().failed.load() != 0;
  if (ended == 0) {
    outcome.failure = "hangs";
  } else if (WIFSIGNALED(status)) {
    outcome.failure = std::string("dies: ") + strsignal(WTERMSIG(status));
  } else if (const int code = WEXITSTATUS(status); code != 0 && code != clean_error) {
    outcome.failure = "ends with " + std::to_string(code);
  } else if (!nobody_left(std::chrono::seconds(3))) {
    outcome.failure = "leaves processes behind";
  } else {
    outcome.right = code == 0;
  }
  if (!outcome.failure.empty()) kill_all_below();
  return outcome;
}

struct Options {
  bool all = false;
  double seconds = 45;
  std::uint32_t offset = static_cast<std::uint32_t>(std::time(nullptr) / 86400), nth = 0;
  std::string scenario, kind;
};

struct Row {
  std::uint32_t calls = 0, runs = 0, right = 0, clean = 0, failures = 0;
};

Row run_kind(const Scenario& scenario, Kind kind, const Options& options, double seconds) {
  Row row;
  const auto start = Clock::now();
  const auto first = run(scenario, kind, 0, false);  // counts
  row.calls = page().calls.load();
  if (!first.failure.empty() || !first.right) {
    std::printf("FAILED %s without any failing call: %s\n", scenario.name, first.failure.c_str());
    ++row.failures;
    return row;
  }
  const double each = std::chrono::duration<double>(Clock::now() - start).count();
  const auto affordable = std::max(1.0, seconds / each);
  const auto every =
      options.all ? 1U : static_cast<std::uint32_t>(static_cast<double>(row.calls) / affordable) + 1;
  // What others do at the same time is not always the same: a few more than were counted.
  const std::uint32_t most = row.calls + row.calls / 4 + 2;
  for (std::uint32_t nth = 1 + options.offset % every; nth <= most; nth += every) {
    const auto outcome = run(scenario, kind, nth, false);
    if (!outcome.struck && nth > row.calls) break;
    ++row.runs;
    row.right += outcome.failure.empty() && outcome.right;
    row.clean += outcome.failure.empty() && !outcome.right;
    if (outcome.failure.empty()) continue;
    ++row.failures;
    std::printf("FAILED %s: brood_failing --scenario %s --kind %s --nth %u\n", outcome.failure.c_str(),
                scenario.name, kind_names[static_cast<int>(kind)], nth);
    std::fflush(stdout);
    if (row.failures == 8) break;
  }
  return row;
}

int run_all(const Options& options) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const int fd = memfd_create("failing", 0);
  if (fd < 0 || ftruncate(fd, 4096) != 0 || dup2(fd, page_descriptor) != page_descriptor) return 2;
  map_page(page_descriptor);
  std::set_terminate([] {
    page().armed.store(0);
    tell_stack("terminates");
    std::abort();
  });
  constexpr Kind kinds[] = {Kind::memory, Kind::heap, Kind::process, Kind::descriptor, Kind::wait};
  std::uint32_t failures = 0, parts = 0;
  for (const auto& scenario : scenarios())
    parts += options.scenario.empty() || options.scenario == scenario.name;
  if (parts == 0) {
    std::fprintf(stderr, "brood_failing: no scenario is called '%s'\n", options.scenario.c_str());
    return 2;
  }
  std::printf("offset %u\n%-10s %-10s %6s %6s %6s %6s %8s\n", options.offset, "scenario", "kind", "calls",
              "runs", "right", "clean", "failures");
  for (const auto& scenario : scenarios()) {
    if (!options.scenario.empty() && options.scenario != scenario.name) continue;
    for (const Kind kind : kinds) {
      const char* name = kind_names[static_cast<int>(kind)];
      if (!options.kind.empty() && options.kind != name) continue;
      if (options.nth != 0) {
        const auto outcome = run(scenario, kind, options.nth, true);
        std::printf("%s\n", !outcome.failure.empty() ? outcome.failure.c_str()
                            : outcome.right          ? "right"
                                                     : "clean error");
        failures += !outcome.failure.empty();
        continue;
      }
      const Row row = run_kind(scenario, kind, options, options.seconds / parts / 5);
      std::printf("%-10s %-10s %6u %6u %6u %6u %8u\n", scenario.name, name, row.calls, row.runs, row.right,
                  row.clean, row.failures);
      std::fflush(stdout);
      failures += row.failures;
    }
  }
  return failures == 0 ? 0 : 1;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (name == "--all")
      options.all = true;
    else if (name == "--seconds")
      options.seconds = std::atof(value().c_str());
    else if (name == "--offset")
      options.offset = static_cast<std::uint32_t>(std::atoi(value().c_str()));
    else if (name == "--nth")
      options.nth = static_cast<std::uint32_t>(std::atoi(value().c_str()));
    else if (name == "--scenario")
      options.scenario = value();
    else if (name == "--kind")
      options.kind = value();
    else
      return false;
  }
  return true;
}

}  // namespace
}  // namespace failing

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--program") == 0) return failing::be_the_program(argc, argv);
  failing::Options options;
  if (!failing::parse(argc, argv, options)) {
    std::fputs(failing::usage, stderr);
    return 2;
  }
  return failing::run_all(options);
}
