// The founding document's exercise: copy a folder of many files with one process, then with a pool, and
// compare.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <brood/brood.hpp>
#include <cstdio>
#include <vector>

#include "commands.hpp"
#include "stop_signals.hpp"
#include "terminal.hpp"

namespace tool {
namespace {

struct Way {
  int processes;  // of the pool; 0: this process alone, no pool
  std::vector<double> seconds;
  double median() const {
    auto sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
  }
  std::string name() const { return processes == 0 ? "one process" : fmt::format("pool of {}", processes); }
};

// Where the copies go. None is removed before all have been made, where the disk has room for that: ext4
// looks at every file that was removed within the last minute when it makes a new one, and would be ten times
// as slow.
class Targets {
 public:
  explicit Targets(std::filesystem::path final) : final_(std::move(final)) {}
  ~Targets() {
    for (const auto& one : made_) remove(one);
  }
  Targets(const Targets&) = delete;
  Targets& operator=(const Targets&) = delete;

  /// For the next copy. What the one before left to be written to the disk is written first: else that work
  /// would go on beside the next copy and slow the one that could have used all processors.
  const std::filesystem::path& next() {
    if (!made_.empty()) flush(made_.back());
    if (!keep_) clear();
    made_.push_back(final_.native() + ".brood-compare-" + std::to_string(++number_));
    return made_.back();
  }
  /// So many more will be made, each of that size.
  void expect(std::size_t copies, std::uint64_t bytes) {
    std::error_code unknown;
    const auto space = std::filesystem::space(made_.back(), unknown);
    keep_ = !unknown && space.available / 2 / (copies + 1) > bytes;
  }
  bool keeps() const { return keep_; }
  /// The last one is the copy that stays.
  void finish() {
    std::filesystem::rename(made_.back(), final_);
    made_.pop_back();
  }

 private:
  static void flush(const std::filesystem::path& on_disk) {
    const int fd = open(on_disk.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    static_cast<void>(!syncfs(fd));
    close(fd);
  }
  static void remove(const std::filesystem::path& one) {
    std::error_code ignored;
    std::filesystem::remove_all(one, ignored);
  }
  void clear() {
    for (const auto& one : made_) remove(one);
    made_.clear();
  }

  std::filesystem::path final_;
  std::vector<std::filesystem::path> made_;
  int number_ = 0;
  bool keep_ = true;
};

brood::CopyReport copy_once(const Way& way, const CopyArguments& a, const std::filesystem::path& target) {
  const brood::CopyOptions options{.stop = [] { return StopSignals::caught() != 0; }};
  if (way.processes == 0) {
    brood::SerialExecutor here;
    return brood::copy_tree(here, a.source, target, options);
  }
  brood::Pool pool(way.processes, brood::prepare_copy_worker);
  return brood::copy_tree(pool, a.source, target, options);
}

void print(const std::vector<Way>& ways, const brood::CopyReport& tree, int rounds) {
  fmt::print(
      "{} files, {} in {} folders; median of {} rounds,\nthe copies in memory (not flushed to disk)\n\n",
      count_text(tree.files), bytes_text(tree.bytes), count_text(tree.folders + 1), rounds);
  const double alone = ways.front().median();
  // Name, numbers and the space before the bar take 53 columns, and the last one of a line stays free.
  const int bar_width = std::clamp(terminal_width(1) - 54, 0, 30);
  double slowest = 0;
  for (const auto& way : ways) slowest = std::max(slowest, way.median());
  fmt::print("{:<12} {:>8} {:>10} {:>9} {:>8}\n", "", "seconds", "files/s", "MB/s", "speed");
  for (const auto& way : ways) {
    const double t = way.median();
    fmt::print("{:<12} {:>8.3f} {:>10} {:>9.1f} {:>7.2f}x  {}\n", way.name(), t,
               count_text(static_cast<std::uint64_t>(static_cast<double>(tree.files) / t)),
               static_cast<double>(tree.bytes) / t / 1e6, alone / t, bar(t / slowest, bar_width));
  }
  const auto best = std::min_element(ways.begin(), ways.end(),
                                     [](const Way& a, const Way& b) { return a.median() < b.median(); });
  if (best->processes == 0) {
    std::puts("");
    print_wrapped(stdout,
                  "The pool was slower here: with this tree and this disk, one process is the right choice.");
  } else {
    std::puts("");
    print_wrapped(stdout, fmt::format("The {} was the fastest, {:.2f} times as fast as one process.",
                                      best->name(), alone / best->median()));
  }
}

}  // namespace

namespace {

std::string why_incomplete(const brood::CopyReport& tree) {
  if (StopSignals::caught() != 0) return "stopped by " + StopSignals::name() + "; the copies are removed";
  const std::string first = !tree.stopped.empty() ? tree.stopped
                            : tree.errors.empty() ? tree.lacks.front().to_string()
                                                  : tree.errors[0].path + ": " + tree.errors[0].what;
  return "the tree cannot be copied as a whole (" + first + "); copy it without --compare to see all errors";
}

int compare_in_order(const CopyArguments& a) {
  if (std::filesystem::exists(std::filesystem::symlink_status(a.target))) {
    print_wrapped(stderr,
                  fmt::format("brood: {} exists; --compare makes it, name one that does not",
                              printable(a.target.native())),
                  7);
    return 2;
  }
  const int most = a.processes > 0 ? a.processes : brood::usable_cpu_count();
  std::vector<Way> ways{{0, {}}};
  for (int n = 1; n <= most; ++n) ways.push_back({n, {}});
  brood::prepare_copy_worker();  // this process is one of those that are compared: the same advantages

  StatusLine line(!a.quiet);
  auto last = a.target.lexically_normal();
  Targets targets(last.has_filename() ? last : last.parent_path());
  brood::CopyReport tree;
  // Round 0 warms the caches and is not counted: every way then finds the source in memory.
  for (int round = 0; round <= a.rounds; ++round) {
    for (auto& way : ways) {
      if (round == 0 && way.processes != 0) continue;
      if (line.due()) line.show(fmt::format("round {} of {}: {}", round, a.rounds, way.name()));
      tree = copy_once(way, a, targets.next());
      if (!tree.complete()) {
        line.clear();
        print_wrapped(stderr, "brood: " + printable(why_incomplete(tree)), 7);
        return 1;
      }
      if (round > 0) way.seconds.push_back(tree.seconds);
    }
    if (round == 0) targets.expect(ways.size() * static_cast<std::size_t>(a.rounds), tree.bytes);
  }
  targets.finish();
  line.clear();
  print(ways, tree, a.rounds);
  if (!targets.keeps()) {
    print_wrapped(
        stdout,
        "The disk had no room for all copies at once: each was removed before the next, which slows "
        "some disks.");
  }
  return 0;
}

}  // namespace

int compare(const CopyArguments& a) {
  const StopSignals signals;
  const int code = compare_in_order(a);
  if (code != 0) StopSignals::end_by_it();
  return code;
}

}  // namespace tool
