#include <fmt/format.h>

#include <brood/brood.hpp>
#include <cstdio>

#include "commands.hpp"
#include "stop_signals.hpp"
#include "terminal.hpp"

namespace tool {
namespace {

double rate(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

std::string now_text(const brood::CopyReport& r) {
  return fmt::format("{} files  {}  {}/s  {} errors", count_text(r.files), bytes_text(r.bytes),
                     bytes_text(static_cast<std::uint64_t>(rate(static_cast<double>(r.bytes), r.seconds))),
                     r.error_count);
}

void print_table(const brood::CopyReport& r, int processes) {
  const auto row = [](const char* name, const std::string& value) {
    fmt::print("{:<10} {:>14}\n", name, value);
  };
  row("files", count_text(r.files));
  row("symlinks", count_text(r.links));
  row("folders", count_text(r.folders));
  row("bytes", bytes_text(r.bytes));
  row("errors", count_text(r.error_count));
  if (r.refused() > 0) row("not set", count_text(r.refused()));
  row("processes", std::to_string(processes));
  row("seconds", fmt::format("{:.2f}", r.seconds));
  row("files/s", count_text(static_cast<std::uint64_t>(rate(static_cast<double>(r.files), r.seconds))));
  row("MB/s", fmt::format("{:.1f}", rate(static_cast<double>(r.bytes), r.seconds) / 1e6));
}

void say(const std::string& text) { print_wrapped(stderr, "brood: " + printable(text), 7); }

void list_errors(const brood::CopyReport& r) {
  for (const auto& error : r.errors) say(error.path + ": " + error.what);
  if (r.error_count > r.errors.size())
    say(fmt::format("and {} errors more", count_text(r.error_count - r.errors.size())));
  for (const auto& lack : r.lacks) say((lack.expected ? "note: " : "") + lack.to_string());
  for (const auto& note : r.notes) say("note: " + note.path + ": " + note.what);
  if (!r.stopped.empty()) {
    const auto why = StopSignals::caught() != 0 ? StopSignals::name() : r.stopped;
    say("the copy was stopped: " + why + "; what is done stays, run the same command again to go on");
  }
}

}  // namespace

int copy(const CopyArguments& arguments) {
  const int processes = arguments.processes > 0 ? arguments.processes : brood::usable_cpu_count();
  const StopSignals signals;
  StatusLine line(!arguments.quiet);
  brood::CopyOptions options;
  options.progress = [&](const brood::CopyReport& so_far) {
    if (line.due()) line.show(now_text(so_far));
  };
  options.stop = [] { return StopSignals::caught() != 0; };
  const auto report = [&] {
    if (processes == 1) {
      brood::prepare_copy_worker();
      brood::SerialExecutor here;
      return brood::copy_tree(here, arguments.source, arguments.target, options);
    }
    brood::Pool pool(processes, brood::prepare_copy_worker);
    return brood::copy_tree(pool, arguments.source, arguments.target, options);
  }();
  line.clear();
  list_errors(report);
  if (!arguments.quiet) print_table(report, processes);
  // A signal that came after the last file stopped nothing.
  if (!report.stopped.empty()) StopSignals::end_by_it();
  return report.complete() ? 0 : 1;
}

}  // namespace tool
