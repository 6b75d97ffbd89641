#include <CLI/CLI.hpp>
#include <algorithm>
#include <brood/brood.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "commands.hpp"
#include "guidance.hpp"
#include "tour/lesson.hpp"

namespace {

void add_copy(CLI::App& app, tool::CopyArguments& arguments) {
  auto* copy = app.add_subcommand("copy", "Copy a folder of many files with a pool of processes");
  copy->add_option("SRC", arguments.source, "Folder (or file) to copy")->required();
  copy->add_option("DST", arguments.target,
                   "Becomes a copy of SRC; made if need be. What is there besides stays")
      ->required();
  copy->add_option("-P,--processes", arguments.processes,
                   "Processes; default: the processors this program may use")
      ->check(CLI::Range(1, 1024));
  copy->add_flag("-q,--quiet", arguments.quiet, "No progress and no table; errors are still listed");
  copy->add_flag(
      "--compare", arguments.compare,
      "Copy several times, with one process and with pools of each size, and show how long each took. "
      "DST must not exist; a copy stays there");
  copy->add_option("--rounds", arguments.rounds, "Rounds of --compare")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  copy->footer(
      "Keeps data, permissions, times and symlinks, and owners where it may. FIFOs, sockets and devices are "
      "refused.\n"
      "Exit code: 0 all was copied, 1 something was not (it is listed), 2 the copy could not begin. SIGINT, "
      "SIGTERM and SIGHUP end it in order, and 128 and the signal's number is the shell's exit code; a "
      "second "
      "one ends it at once.");
}

std::string check_language(const std::string& language) {
  const auto& all = tool::languages();
  if (std::find(all.begin(), all.end(), language) != all.end()) return {};
  return "the tour speaks " + CLI::detail::join(all, " and ") + ", not '" + language + "'";
}

CLI::App* add_tour(CLI::App& app, tool::TourArguments& arguments) {
  auto* tour =
      app.add_subcommand("tour", "Walk through processes: a lesson whose programs run in front of you");
  tour->add_option("STOP", arguments.stop, "Only this stop, by its number");
  tour->add_option("--lang", arguments.language, "en or zh; default: by LC_ALL, LC_MESSAGES or LANG, else en")
      ->check(CLI::Validator(check_language, "", ""));
  tour->add_flag("--list", arguments.list, "Name the stops");
  tour->add_flag("--all", arguments.all, "Do not wait at the stops");
  tour->footer("Without a terminal it prints everything and ends.");
  return tour;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    brood::init(argc, argv);
  } catch (const brood::Error& e) {
    std::fprintf(stderr, "brood: %s\n", e.what());
    return 2;
  }

  CLI::App app("brood: multiprocessing for C++, and tools built on it");
  tool::use_wrapping_help(app);
  app.set_version_flag("-V,--version", "brood " BROOD_VERSION, "Print the version and exit");
  app.require_subcommand(1);
  tool::CopyArguments copying;
  tool::TourArguments touring;
  add_copy(app, copying);
  const auto* tour = add_tour(app, touring);
  app.name("brood");
  const std::vector<std::string> given(argv + 1, argv + argc);
  const bool is_option = !given.empty() && given.front().starts_with('-');
  if (!is_option && (given.empty() || !tool::has_command(app, given.front())))
    return tool::explain_no_command(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help or --version
  } catch (const CLI::ParseError& e) {
    return tool::explain(app, e);
  }
  try {
    if (app.got_subcommand(tour)) return tool::tour(touring);
    return copying.compare ? tool::compare(copying) : tool::copy(copying);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "brood: %s\n", e.what());
    return 2;
  }
}
