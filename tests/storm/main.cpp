// storm: everything that may go wrong, at random, and the books that show that nothing was lost.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <brood/init.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <thread>

#include "books.hpp"
#include "plan.hpp"
#include "processes.hpp"
#include "stage.hpp"

namespace {

using namespace storm;
using Clock = std::chrono::steady_clock;

constexpr const char* help = R"(./x storm [--seconds N] [--seed S] [--workers W]
./x storm --points all|SECONDS: see ./x storm --points all --help

Pools, nested pools and queues at work, while an adversary kills and stops whom it likes, takes descriptors
and memory away, drops futures, closes and terminates pools. The last line is one JSON object.

  --seconds N   how long (default 30); a round that has begun is played to its end
  --seed S      a number, or 'today' for one that changes with the date; not given: random. It is printed
  --workers W   at most so many workers in a pool, 1 to 64 (default 64)
  --kills K     ends as soon as so many processes were killed
  --rounds N    ends after so many rounds
  --round R     plays round R alone, again and again: what a report of trouble says
  --plan        prints the plan instead (of --round R, or of the first --rounds)
  --loud        shows what tasks write to stderr
  --hold        when something hangs, keeps everything as it is, for a debugger

Determined by the seed: each round's pools, queues, tasks, what clients do with their futures, and the
adversary's moves in their order, with their pauses and their dice. Not determined, for it is a matter of
timing: at which instruction a move finds its victim, which worker has which task, how many moves come before
the round's tasks are done, and how many rounds fit into the time.

tasks: those that a pool took, also in nested ones. finished + failed + dropped (nobody asked) + orphaned (who
asked has died) = tasks. lost: futures that never resolved, values that vanished. duplicated: tasks that began
twice, values delivered twice. hung: what did not end in time. leaked: processes, descriptors, chunks of shared
memory, files. wrong: an outcome that nothing explains. Exit code 1 when one of these five is not 0.
)";

struct Options {
  double seconds = 30;
  std::uint64_t seed = 0;
  std::uint64_t kills = ~std::uint64_t{0};
  std::uint32_t rounds = ~std::uint32_t{0};
  std::int64_t round = -1;
  Limits limits;
  bool plan = false, loud = false, hold = false;
};

std::uint64_t today() {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  localtime_r(&now, &day);
  return static_cast<std::uint64_t>((day.tm_year + 1900) * 10000 + (day.tm_mon + 1) * 100 + day.tm_mday);
}

[[noreturn]] void usage(const std::string& what) {
  std::fprintf(stderr, "storm: %s\n%s", what.c_str(), help);
  std::exit(2);
}

std::uint64_t number(const char* option, const char* text) {
  char* end = nullptr;
  const auto n = text != nullptr ? std::strtoull(text, &end, 10) : 0;
  if (text == nullptr || end == text || *end != 0) usage(std::string(option) + " needs a number");
  return n;
}

Options parse(int argc, char** argv) {
  Options o;
  o.seed = std::random_device{}();
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto next = [&] { return number(arg.c_str(), i + 1 < argc ? argv[++i] : nullptr); };
    if (arg == "--seconds")
      o.seconds = static_cast<double>(next());
    else if (arg == "--seed" && i + 1 < argc && std::strcmp(argv[i + 1], "today") == 0)
      o.seed = today(), ++i;
    else if (arg == "--seed")
      o.seed = next();
    else if (arg == "--workers")
      o.limits.workers = static_cast<int>(next());
    else if (arg == "--kills")
      o.kills = next(), o.seconds = 1e9;
    else if (arg == "--rounds")
      o.rounds = static_cast<std::uint32_t>(next()), o.seconds = 1e9;
    else if (arg == "--round")
      o.round = static_cast<std::int64_t>(next());
    else if (arg == "--plan")
      o.plan = true;
    else if (arg == "--loud")
      o.loud = true;
    else if (arg == "--hold")
      o.hold = true;
    else if (arg == "--help" || arg == "-h")
      std::fputs(help, stdout), std::exit(0);
    else
      usage("does not know '" + arg + "'");
  }
  if (o.limits.workers < 1 || o.limits.workers > 64) usage("--workers must be 1 to 64");
  return o;
}

class Storm {
 public:
  Storm(const Options& options, int said)
      : options_(options), begun_(Clock::now()), said_(said), terminal_(isatty(said) != 0) {}

  int run() {
    Leaks leaks;
    std::thread([this] { watch(); }).detach();
    for (std::uint32_t r = 0; !done(r); ++r) {
      round_ = options_.round >= 0 ? static_cast<std::uint32_t>(options_.round) : r;
      const bool well = play(make_round(options_.seed, round_, options_.limits), leaks);
      tell_troubles();
      if (!well) give_up();
    }
    return summary();
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }
  bool done(std::uint32_t r) const {
    return r >= options_.rounds || seconds() >= options_.seconds || books().kills >= options_.kills;
  }

  void say(const std::string& text) const {
    if (write(said_, text.data(), text.size()) < 0) return;
  }

  void tell_troubles() {
    auto& b = books();
    if (told_ < b.texts && terminal_) say("\n");
    for (int n = 0; told_ < b.texts; ++told_) {
      if (++n > 5) continue;  // the first say it
      say(std::string(b.text[told_]) + "\n  in round " + std::to_string(round_) + ", in " + phase() +
          "; again: ./x storm --seed " + std::to_string(options_.seed) + " --workers " +
          std::to_string(options_.limits.workers) + " --round " + std::to_string(round_) + "\n");
    }
  }

  // Notices that the round does not get on; draws the progress.
  void watch() {
    for (int n = 0;; ++n) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      auto& b = books();
      if (terminal_ && n % 5 == 0) {
        char line[160];
        std::snprintf(line, sizeof line, "\r%.0f s, round %u, %lu tasks, %lu kills, %.1f kills/s\033[K",
                      seconds(), round_.load(), b.tasks.load(), b.kills.load(),
                      static_cast<double>(b.kills.load()) / seconds());
        say(line);
      }
      if (seconds_in_phase() < 240) continue;
      complain(Trouble::hung, std::string("nothing gets on in ") + phase());
      tell_troubles();
      give_up();
    }
  }

  [[noreturn]] void give_up() {
    say("the processes:\n" + tree_below(getpid()));
    if (options_.hold) {
      say("held for a look: gdb -p " + std::to_string(getpid()) + "\n");
      for (;;) pause();
    }
    summary();
    _exit(1);  // the lifeline ends the rest
  }

  int summary() {
    auto& b = books();
    tell_troubles();
    if (terminal_) say("\r\033[K");
    const auto trouble = [&](Trouble t) { return b.trouble[static_cast<int>(t)].load(); };
    const auto known = b.finished + b.failed + b.dropped;
    std::uint64_t all = 0;
    for (const auto& one : b.trouble) all += one;
    std::printf(
        "{\"tasks\":%lu,\"kills\":%lu,\"finished\":%lu,\"failed\":%lu,\"rerun\":%lu,\"lost\":%lu,"
        "\"duplicated\":%lu,"
        "\"hung\":%lu,\"leaked\":%lu,\"seconds\":%.1f,\"seed\":%lu,\"wrong\":%lu,\"rounds\":%u,\"dropped\":%"
        "lu,"
        "\"orphaned\":%lu,\"refused\":%lu,\"broken\":%lu,\"cancelled\":%lu,\"late\":%lu,\"stops\":%lu,"
        "\"values\":%lu,"
        "\"died_with_reader\":%lu}\n",
        b.tasks.load(), b.kills.load(), b.finished.load(), b.failed.load(), b.rerun.load(),
        trouble(Trouble::lost), trouble(Trouble::duplicated), trouble(Trouble::hung),
        trouble(Trouble::leaked), seconds(), options_.seed, trouble(Trouble::wrong), round_ + 1,
        b.dropped.load(), b.tasks > known ? b.tasks - known : 0, b.refused.load(), b.broken.load(),
        b.cancelled.load(), b.late.load(), b.stops.load(), b.values.load(), b.died_with_reader.load());
    std::fflush(stdout);
    return all == 0 ? 0 : 1;
  }

  Options options_;
  Clock::time_point begun_;
  const int said_;  // stderr, as it was
  const bool terminal_;
  std::atomic<std::uint32_t> round_{0};
  std::uint32_t told_ = 0;
};

// What is left of stderr for tasks and their noise; the one that there was is returned.
int keep_stderr(bool loud) {
  const int kept = fcntl(2, F_DUPFD_CLOEXEC, 3);
  if (loud) return kept;
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, 2);
  close(nowhere);
  return kept;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  const int said = keep_stderr(options.loud);
  open_books();
  const rlimit no_cores{0, 0};
  setrlimit(RLIMIT_CORE, &no_cores);
  brood::init(argc, argv, {.arena_bytes = 256 << 20});
  if (options.plan) {
    const auto first = options.round >= 0 ? static_cast<std::uint32_t>(options.round) : 0U;
    const auto n = options.round >= 0 || options.rounds == ~std::uint32_t{0} ? 1U : options.rounds;
    for (std::uint32_t r = first; r < first + n; ++r)
      std::fputs(describe(make_round(options.seed, r, options.limits)).c_str(), stdout);
    return 0;
  }
  // Whoever loses his parent comes to this process: so strays are seen.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::printf("seed %lu\n", options.seed);
  std::fflush(stdout);
  return Storm(options, said).run();
}
