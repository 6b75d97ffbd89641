// The founding document's exercise: copy a folder of many files with one process, then with a pool, and
// compare.

#include <fmt/format.h>

#include <algorithm>
#include <brood/brood.hpp>
#include <cstdio>
#include <vector>

#include "commands.hpp"
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

brood::CopyReport copy_once(const Way& way, const CopyArguments& a) {
  if (way.processes == 0) {
    brood::SerialExecutor here;
    return brood::copy_tree(here, a.source, a.target);
  }
  brood::Pool pool(way.processes, brood::prepare_copy_worker);
  return brood::copy_tree(pool, a.source, a.target);
}

void print(const std::vector<Way>& ways, const brood::CopyReport& tree, int rounds) {
  fmt::print(
      "\n{} files, {} in {} folders; median of {} rounds, the copies in memory (not flushed to disk)\n\n",
      count_text(tree.files), bytes_text(tree.bytes), count_text(tree.folders + 1), rounds);
  const double alone = ways.front().median();
  double slowest = 0;
  for (const auto& way : ways) slowest = std::max(slowest, way.median());
  fmt::print("{:<12} {:>8} {:>10} {:>9} {:>8}\n", "", "seconds", "files/s", "MB/s", "speed");
  for (const auto& way : ways) {
    const double t = way.median();
    fmt::print("{:<12} {:>8.3f} {:>10} {:>9.1f} {:>7.2f}x  {}\n", way.name(), t,
               count_text(static_cast<std::uint64_t>(static_cast<double>(tree.files) / t)),
               static_cast<double>(tree.bytes) / t / 1e6, alone / t, bar(t / slowest, 30));
  }
  const auto best = std::min_element(ways.begin(), ways.end(),
                                     [](const Way& a, const Way& b) { return a.median() < b.median(); });
  if (best->processes == 0) {
    fmt::print(
        "\nThe pool was slower here: with this tree and this disk, one process is the right choice.\n");
  } else {
    fmt::print("\nThe {} was the fastest, {:.2f} times as fast as one process.\n", best->name(),
               alone / best->median());
  }
}

}  // namespace

int compare(const CopyArguments& a) {
  if (std::filesystem::exists(std::filesystem::symlink_status(a.target))) {
    fmt::print(
        stderr,
        "brood: {} exists; --compare writes to it and removes it several times, name one that does not\n",
        printable(a.target.native()));
    return 2;
  }
  const int most = a.processes > 0 ? a.processes : brood::usable_cpu_count();
  std::vector<Way> ways{{0, {}}};
  for (int n = 1; n <= most; ++n) ways.push_back({n, {}});
  brood::prepare_copy_worker();  // this process is one of those that are compared: the same advantages

  StatusLine line(!a.quiet);
  brood::CopyReport tree;
  // Round 0 warms the caches and is not counted: every way then finds the source in memory.
  for (int round = 0; round <= a.rounds; ++round) {
    for (auto& way : ways) {
      if (round == 0 && way.processes != 0) continue;
      if (line.due()) line.show(fmt::format("round {} of {}: {}", round, a.rounds, way.name()));
      std::filesystem::remove_all(a.target);
      tree = copy_once(way, a);
      if (!tree.complete()) {
        fmt::print(
            stderr,
            "brood: the tree cannot be copied as a whole ({} errors, the first: {}: {}); copy it without "
            "--compare to see them all\n",
            tree.error_count, tree.errors.empty() ? "-" : printable(tree.errors[0].path),
            tree.errors.empty() ? tree.stopped : printable(tree.errors[0].what));
        return 1;
      }
      if (round > 0) way.seconds.push_back(tree.seconds);
    }
  }
  print(ways, tree, a.rounds);
  return 0;
}

}  // namespace tool
