// The program `brood copy`: exit codes, what it prints, nonsense.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "child_support.hpp"
#include "on_terminal.hpp"
#include "run_program.hpp"

namespace {

using child_support::Folder;
namespace fs = std::filesystem;

run_program::Ran brood_copy(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), run_program::path_of("../brood"));
  return run_program::run(std::move(arguments));
}

void make(const Folder& folder) {
  fs::create_directories(folder / "from/a");
  for (int i = 0; i < 50; ++i) std::ofstream(folder / ("from/a/" + std::to_string(i))) << i;
}

TEST(CopyProgram, copies_and_prints_a_closing_table) {
  const Folder folder;
  make(folder);
  for (const std::vector<std::string>& options : {std::vector<std::string>{}, {"-P", "1"}, {"-P", "2"}}) {
    std::vector<std::string> arguments = {"copy", folder / "from", folder / "to"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto ran = brood_copy(arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    for (const char* word : {"files", "50", "errors", "seconds"}) {
      EXPECT_NE((ran.out + ran.err).find(word), std::string::npos) << word << '\n' << ran.out << ran.err;
    }
    EXPECT_EQ(child_support::text_of(folder / "to/a/49"), "49");
    fs::remove_all(folder / "to");
  }
}

TEST(CopyProgram, ends_with_1_when_something_could_not_be_copied) {
  const Folder folder;
  make(folder);
  ASSERT_EQ(mkfifo((folder / "from/pipe").c_str(), 0600), 0);
  const auto ran = brood_copy({"copy", folder / "from", folder / "to"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE((ran.out + ran.err).find("pipe"), std::string::npos);
  EXPECT_EQ(child_support::text_of(folder / "to/a/1"), "1");
}

TEST(CopyProgram, ends_with_2_when_it_cannot_begin) {
  const Folder folder;
  make(folder);
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"nonsense"},
      {"copy"},
      {"copy", folder / "from"},
      {"copy", folder / "nothing", folder / "to"},
      {"copy", folder / "from", folder / "from/a/inside"},
      {"copy", folder / "from", folder / "from"},
      {"copy", "-P", "0", folder / "from", folder / "to"},
      {"copy", "-P", "-3", folder / "from", folder / "to"},
      {"copy", "-P", "many", folder / "from", folder / "to"},
      {"copy", "--no-such-option", folder / "from", folder / "to"},
      {"copy", "", ""},
  };
  for (const auto& arguments : wrong) {
    const auto ran = brood_copy(arguments);
    EXPECT_EQ(ran.code, 2) << testing::PrintToString(arguments) << ran.out << ran.err;
    EXPECT_FALSE(ran.err.empty()) << testing::PrintToString(arguments);
    EXPECT_FALSE(fs::exists(folder / "to")) << testing::PrintToString(arguments);
  }
}

TEST(CopyProgram, stops_at_a_full_disk_with_a_sentence_and_leaves_no_half_file) {
  if (getuid() != 0) GTEST_SKIP() << "only root may mount a small disk";
  const Folder folder;
  fs::create_directories(folder / "from");
  for (int i = 0; i < 60; ++i)
    std::ofstream(folder / ("from/" + std::to_string(i))) << std::string(150'000, 'f');
  const std::string report = folder / "report";
  // In a process with mounts of its own.
  brood::Process process(
      [](std::string root, std::string to) {
        const std::string small = root + "/small";
        fs::create_directories(small);
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("none", small.c_str(), "tmpfs", 0, "size=4m") != 0) {
          _exit(77);
        }
        const auto ran = brood_copy({"copy", "-P", "2", root + "/from", small + "/to"});
        int half = 0;
        for (const auto& entry : fs::directory_iterator(small + "/to")) half += entry.file_size() != 150'000;
        std::ofstream(to) << "code " << ran.code << " half " << half << "\n" << ran.err;
      },
      folder.path(), report);
  process.start();
  ASSERT_TRUE(process.join(std::chrono::seconds(60)));
  if (process.exitcode() == 77) GTEST_SKIP() << "mounting is not allowed here";
  const auto text = child_support::text_of(report);
  EXPECT_TRUE(text.starts_with("code 1 half 0\n")) << text;
  EXPECT_NE(text.find("the copy was stopped"), std::string::npos) << text;
  EXPECT_NE(text.find("No space left on device"), std::string::npos) << text;
}

TEST(CopyProgram, unreadable_source_is_a_sentence) {
  if (getuid() == 0) GTEST_SKIP() << "root reads everything";
  const Folder folder;
  fs::create_directories(folder / "from");
  chmod((folder / "from").c_str(), 0);
  const auto ran = brood_copy({"copy", folder / "from", folder / "to"});
  chmod((folder / "from").c_str(), 0755);
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("Permission denied"), std::string::npos) << ran.err;
  EXPECT_FALSE(fs::exists(folder / "to"));
}

TEST(CopyProgram, compares_one_process_and_pools) {
  const Folder folder;
  make(folder);
  const auto ran = brood_copy({"copy", "--compare", folder / "from", folder / "to"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("one process"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("pool of 1"), std::string::npos) << ran.out;
}

// ---- what it says about a command line, and on a terminal ----

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(CopyProgram, says_what_there_is_and_what_was_probably_meant) {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> answers;
  };
  const std::vector<Case> cases = {
      {{}, {"There are:", "copy ", "tour "}},
      {{"frobnicate"}, {"there is no command 'frobnicate'.", "copy ", "tour "}},
      {{"cpoy"}, {"there is no command 'cpoy'; did you mean 'copy'?", "tour "}},
      {{"to"}, {"did you mean 'tour'?"}},
      {{"copy", "--proceses", "2", "a", "b"},
       {"there is no option '--proceses'; did you mean '--processes'?"}},
      {{"copy", "--frobnicate=3", "a", "b"}, {"there is no option '--frobnicate'\n", "copy --help"}},
      {{"copy", "a", "b", "c"}, {"'c' is one argument too many"}},
      {{"copy", "a"}, {"brood copy: DST is required"}},
      {{"tour", "--lsit"}, {"did you mean '--list'?"}},
      {{"bad\x1b[2Jname"}, {"bad\\x1b[2Jname"}},
  };
  for (const auto& [arguments, answers] : cases) {
    const auto ran = brood_copy(arguments);
    EXPECT_EQ(ran.code, 2) << testing::PrintToString(arguments);
    for (const auto& answer : answers) EXPECT_TRUE(says(ran.err, answer)) << answer << "\n---\n" << ran.err;
    if (arguments == std::vector<std::string>{"frobnicate"}) {
      EXPECT_FALSE(says(ran.err, "did you mean")) << ran.err;
    }
  }
}

TEST(CopyProgram, tells_its_version_and_name) {
  for (const char* option : {"-V", "--version"}) {
    const auto ran = brood_copy({option});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(ran.out.starts_with("brood ")) << ran.out;
  }
}

// What stands on a screen of so many columns: lines that were written over are gone.
std::vector<std::string> lines_on_screen(const std::string& written, std::size_t columns) {
  std::vector<std::string> lines(1);
  std::size_t column = 0;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (written.compare(i, 3, "\x1b[K") == 0) {
      lines.back().resize(std::min(lines.back().size(), column));
      i += 2;
    } else if (c == '\r') {
      column = 0;
    } else if (c == '\n') {
      lines.emplace_back();
      column = 0;
    } else if ((c & 0xc0) == 0x80) {
      continue;  // the rest of a character
    } else {
      if (column == columns) {
        ADD_FAILURE() << "the terminal breaks the line " << lines.back();
        lines.emplace_back();
        column = 0;
      }
      if (lines.back().size() <= column) lines.back().resize(column + 1, ' ');
      lines.back()[column++] = (c & 0x80) != 0 ? '#' : c;
    }
  }
  return lines;
}

TEST(CopyProgram, leaves_nothing_of_its_status_line_on_a_terminal) {
  const Folder folder;
  make(folder);
  run_program::OnTerminal terminal({run_program::path_of("../brood"), "copy", folder / "from", folder / "to"},
                                   80);
  EXPECT_EQ(terminal.wait(), 0);
  const auto lines = lines_on_screen(terminal.screen(), 80);
  ASSERT_FALSE(lines.empty());
  EXPECT_TRUE(lines[0].starts_with("files  ")) << lines[0];
}

TEST(CopyProgram, compares_within_the_terminal) {
  const Folder folder;
  make(folder);
  for (const unsigned short columns : {80, 60}) {
    run_program::OnTerminal terminal({run_program::path_of("../brood"), "copy", "--compare", "--rounds", "1",
                                      "-P", "2", folder / "from", folder / ("to" + std::to_string(columns))},
                                     columns);
    EXPECT_EQ(terminal.wait(), 0);
    const auto lines = lines_on_screen(terminal.screen(), columns);
    EXPECT_TRUE(lines[0].starts_with("50 files, ")) << lines[0];
  }
}

TEST(CopyProgram, breaks_help_between_words) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{}, {"copy"}, {"tour"}}) {
    for (const unsigned short columns : {80, 64}) {
      std::vector<std::string> arguments = {run_program::path_of("../brood")};
      arguments.insert(arguments.end(), command.begin(), command.end());
      arguments.emplace_back("--help");
      run_program::OnTerminal terminal(arguments, columns);
      EXPECT_EQ(terminal.wait(), 0);
      EXPECT_TRUE(says(terminal.screen(), "Usage:")) << terminal.screen();
      lines_on_screen(terminal.screen(), columns);
    }
  }
}

}  // namespace
