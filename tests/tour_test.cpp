// The program `brood tour`: what it prints with and without a terminal, in which language, and nonsense.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "child_support.hpp"
#include "lesson.hpp"
#include "on_terminal.hpp"
#include "run_program.hpp"
#include "typeset.hpp"

namespace {

using child_support::Folder;
using run_program::OnTerminal;
namespace fs = std::filesystem;

const std::string brood = run_program::path_of("../brood");

// With exactly this in its environment that could choose a language.
std::vector<std::string> tour(std::vector<std::string> arguments,
                              const std::vector<std::string>& variables = {}) {
  std::vector<std::string> command = {"/usr/bin/env"};
  for (const char* unset : {"LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR"})
    command.insert(command.end(), {"-u", unset});
  command.emplace_back("TERM=xterm");
  command.insert(command.end(), variables.begin(), variables.end());
  command.insert(command.end(), {brood, "tour"});
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Tour, without_a_terminal_shows_and_runs_every_stop_and_ends) {
  const auto ran = run_program::run(tour({}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  const auto lesson = tool::lesson_in("en");
  for (std::size_t i = 0; i < lesson.stops.size(); ++i) {
    const auto head =
        std::to_string(i + 1) + "/" + std::to_string(lesson.stops.size()) + " " + lesson.stops[i].title;
    EXPECT_TRUE(has(ran.out, head)) << head;
  }
  EXPECT_TRUE(has(ran.out, lesson.end.title));
  EXPECT_FALSE(has(ran.out, "\033")) << "colours, where no terminal is";
  EXPECT_TRUE(has(ran.out, "│ the reader ended with -15")) << "what an example printed";
  EXPECT_TRUE(has(ran.out, "│   brood::Process process(run);")) << "what an example is";
}

TEST(Tour, one_stop_is_shown_alone) {
  const auto ran = run_program::run(tour({"21"}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "21/"));
  EXPECT_TRUE(has(ran.out, "parent ends: num is 100"));
  EXPECT_FALSE(has(ran.out, "22/"));
}

TEST(Tour, lists_its_stops) {
  const auto ran = run_program::run(tour({"--list", "--lang", "zh"}));
  EXPECT_EQ(ran.code, 0) << ran.err;
  for (const auto& stop : tool::lesson_in("zh").stops) EXPECT_TRUE(has(ran.out, stop.title)) << stop.title;
}

TEST(Tour, speaks_the_language_of_the_option_or_of_the_environment) {
  const std::string english = "Two loops", chinese = "两个循环";
  const auto list = [](const std::vector<std::string>& arguments, const std::vector<std::string>& variables) {
    auto all = arguments;
    all.emplace_back("--list");
    return run_program::run(tour(all, variables)).out;
  };
  EXPECT_TRUE(has(list({}, {}), english));
  EXPECT_TRUE(has(list({}, {"LANG=zh_CN.UTF-8"}), chinese));
  EXPECT_TRUE(has(list({}, {"LANG=zh_TW"}), chinese));
  EXPECT_TRUE(has(list({}, {"LANG=zh_CN.UTF-8", "LC_MESSAGES=en_GB.UTF-8"}), english));
  EXPECT_TRUE(has(list({}, {"LANG=zh_CN.UTF-8", "LC_MESSAGES=en_GB", "LC_ALL=zh_CN"}), chinese));
  EXPECT_TRUE(has(list({}, {"LANG=zh_CN.UTF-8", "LC_ALL="}), chinese)) << "empty is as unset";
  EXPECT_TRUE(has(list({}, {"LANG=fr_FR.UTF-8"}), english));
  EXPECT_TRUE(has(list({}, {"LANG=C"}), english));
  EXPECT_TRUE(has(list({"--lang", "zh"}, {"LANG=en_US.UTF-8"}), chinese));
  EXPECT_TRUE(has(list({"--lang", "en"}, {"LANG=zh_CN.UTF-8"}), english));
}

TEST(Tour, refuses_nonsense_with_a_sentence) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"0"}, "there is no stop '0': they are numbered from 1 to 32"},
      {{"33"}, "there is no stop '33'"},
      {{"-1"}, "there is no stop '-1'"},
      {{"99999999999999999999"}, "there is no stop"},
      {{"5x"}, "there is no stop '5x'"},
      {{""}, "there is no stop ''"},
      {{"\033[31m"}, "there is no stop '\\x1b[31m'"},
      {{"99", "--lang", "zh"}, "没有第“99”站"},
      {{"--lang", "fr"}, "the tour speaks en and zh, not 'fr'"},
      {{"--lang", ""}, "the tour speaks en and zh, not ''"},
      {{"1", "2"}, "'2' is one argument too many"},
      {{"--no-such-option"}, "there is no option '--no-such-option'"},
  };
  for (const auto& [arguments, sentence] : wrong) {
    const auto ran = run_program::run(tour(arguments));
    EXPECT_EQ(ran.code, 2) << testing::PrintToString(arguments);
    EXPECT_TRUE(has(ran.err, sentence)) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
}

TEST(Tour, ends_without_a_word_when_nobody_reads_on) {
  for (const char* command : {"\"$0\" tour | head -n 3", "trap '' PIPE; \"$0\" tour | head -n 3"}) {
    const auto ran = run_program::run({"/bin/sh", "-c", command, brood});
    EXPECT_EQ(ran.err, "") << command;
    EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 3) << command;
  }
}

TEST(Tour, says_so_when_its_output_cannot_be_written) {
  for (const char* command : {"exec \"$0\" tour 21 > /dev/full", "exec \"$0\" tour --list > /dev/full"}) {
    const auto ran = run_program::run({"/bin/sh", "-c", command, brood});
    EXPECT_EQ(ran.code, 2) << command;
    EXPECT_FALSE(ran.err.empty()) << command;
  }
}

TEST(Tour, says_where_it_looked_when_the_examples_are_missing) {
  const Folder folder;
  fs::copy_file(brood, folder / "brood");
  const auto ran = run_program::run({folder / "brood", "tour", "21"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(has(ran.err, "21_globals is neither in")) << ran.err;
  EXPECT_TRUE(has(ran.err, "cmake --install")) << ran.err;
}

TEST(Tour, says_so_when_an_example_does_not_end_well) {
  const Folder folder;
  fs::copy_file(brood, folder / "brood");
  fs::create_directory(folder / "examples");
  std::ofstream(folder / "examples/21_globals") << "#!/bin/sh\necho half; kill -9 $$\n";
  fs::permissions(folder / "examples/21_globals", fs::perms::owner_all);
  const auto ran = run_program::run({folder / "brood", "tour", "21"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.out, "│ half")) << ran.out;
  EXPECT_TRUE(has(ran.out, "21_globals ended with exit code -9")) << ran.out;
}

TEST(Tour, on_a_terminal_waits_and_goes_where_the_reader_wants) {
  OnTerminal terminal(tour({}), 80);
  EXPECT_TRUE(terminal.shows("1/32"));
  EXPECT_TRUE(terminal.shows("Enter: run it"));
  terminal.type("\n");
  EXPECT_TRUE(terminal.shows("million additions"));
  EXPECT_TRUE(terminal.shows("Enter: go on"));
  terminal.type("\n");
  EXPECT_TRUE(terminal.shows("2/32"));
  terminal.type("99\n");
  EXPECT_TRUE(terminal.shows("there is no stop '99'"));
  EXPECT_TRUE(terminal.shows("Enter: run it"));
  terminal.type("21\n");
  EXPECT_TRUE(terminal.shows("21/32"));
  terminal.type("\n");
  EXPECT_TRUE(terminal.shows("num is 100"));
  terminal.type("q\n");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Tour, on_a_terminal_ends_when_the_input_ends) {
  OnTerminal terminal(tour({}), 80);
  EXPECT_TRUE(terminal.shows("Enter: run it"));
  terminal.type("\004");  // Ctrl-D
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Tour, all_does_not_wait_on_a_terminal) {
  OnTerminal terminal(tour({"--all"}), 80);
  EXPECT_TRUE(terminal.shows("32/32"));
  EXPECT_EQ(terminal.wait(), 0);
}

TEST(Tour, fits_into_terminals_of_any_width) {
  const std::regex colours("\033\\[[0-9]*m");
  for (const unsigned short columns : {1, 20, 40, 80, 160}) {
    for (const char* language : {"en", "zh"}) {
      for (const char* stop : {"6", "14", "25", "--list"}) {
        OnTerminal terminal(tour({stop, "--lang", language}), columns);
        EXPECT_EQ(terminal.wait(), 0) << terminal.screen();
        std::istringstream screen(std::regex_replace(terminal.screen(), colours, ""));
        for (std::string line; std::getline(screen, line);) {
          line.erase(line.find_last_not_of('\r') + 1);
          EXPECT_LE(tool::width_of(line), std::max<int>(columns, 12)) << line;
        }
        const bool told = has(terminal.screen(), "20");
        EXPECT_TRUE(told || columns != 20 || stop[0] == '-') << "a narrow terminal is told so";
      }
    }
  }
}

}  // namespace
