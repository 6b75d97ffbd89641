#include <CLI/CLI.hpp>
#include <brood/brood.hpp>
#include <cstdio>
#include <exception>

#include "commands.hpp"

int main(int argc, char** argv) {
  try {
    brood::init(argc, argv);
  } catch (const brood::Error& e) {
    std::fprintf(stderr, "brood: %s\n", e.what());
    return 2;
  }

  CLI::App app("brood: multiprocessing for C++, and tools built on it");
  app.set_version_flag("--version", BROOD_VERSION);
  app.require_subcommand(1);

  tool::CopyArguments arguments;
  bool compare = false;
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
      "--compare", compare,
      "Copy several times, with one process and with pools of each size, and show how long each took. "
      "DST must not exist; a copy stays there");
  copy->add_option("--rounds", arguments.rounds, "Rounds of --compare")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  copy->footer(
      "Keeps data, permissions, times and symlinks, and owners where it may. FIFOs, sockets and devices are "
      "refused.\n"
      "Exit code: 0 all was copied, 1 something was not (it is listed), 2 the copy could not begin.");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    return compare ? tool::compare(arguments) : tool::copy(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "brood: %s\n", e.what());
    return 2;
  }
}
