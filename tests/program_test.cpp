// Whole programs: how they set brood up, and in what surroundings.

#include <gtest/gtest.h>

#include "child_support.hpp"
#include "run_program.hpp"

namespace {

using namespace child_support;
using run_program::path_of;
using run_program::Program;
using run_program::run;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

class WholeProgram : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(each, WholeProgram, testing::Values("forkserver", "fork", "spawn"),
                         [](const auto& info) { return std::string(info.param); });

void expect_runs(const std::vector<std::string>& command, const std::string& out = "ended with 5\n") {
  const auto ran = run(command);
  EXPECT_EQ(ran.out, out) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.code, 0);
}

TEST(HostileWire, message_gives_a_value_or_a_DecodeError_and_allocates_no_more_than_it_accounts_for) {
  const auto ran = run({"hostile_wire"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
}

// ---- init ----

TEST(Init, is_done_by_the_first_use_while_there_is_one_thread) {
  expect_runs({"setup", "no-init", "forkserver"});
  expect_runs({"setup", "no-init", "fork"});
}

TEST(Init, not_called_refuses_spawn_and_names_the_line_to_add) {
  const auto ran = run({"setup", "no-init", "spawn"});
  EXPECT_TRUE(ran.out.starts_with("UsageError: ")) << ran.out;
  EXPECT_NE(ran.out.find("brood::init(argc, argv)"), std::string::npos) << ran.out;
}

TEST(Init, beside_a_thread_is_refused_and_works_once_it_is_gone) {
  const auto ran = run({"setup", "init-with-thread"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with("UsageError: ")) << ran.out;
  EXPECT_NE(ran.out.find("first line of main"), std::string::npos) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("\nended with 5\n")) << ran.out;
}

TEST(Init, renew_server_shows_children_the_globals_of_today) {
  const Gate gate;
  expect_runs({"setup", "renew", "forkserver", gate.path()}, "before 1 after 20 running 9\n");
}

TEST(Init, changed_credentials_are_an_error_that_names_renew_server) {
  const auto ran = run({"setup", "credentials", "forkserver"});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "this user cannot change its group";
  EXPECT_TRUE(ran.out.starts_with("StartFailed: ")) << ran.out;
  EXPECT_NE(ran.out.find("renew_server"), std::string::npos) << ran.out;
}

TEST_P(WholeProgram, after_daemon_every_use_is_refused) {
  Program program({"setup", "daemonised", GetParam()});
  const std::string line = program.line();
  EXPECT_TRUE(line.starts_with("UsageError: ")) << line;
  EXPECT_EQ(program.wait(), 0);
}

// ---- globals that use brood ----

// P38
TEST_P(WholeProgram, whose_global_starts_a_process_is_no_fork_bomb) {
  const Folder folder;
  for (const std::string early : {"forkserver", "spawn"}) {
    const std::string file = folder / early;
    setenv("BROOD_TEST_EARLY", early.c_str(), 1);
    setenv("BROOD_TEST_FILE", file.c_str(), 1);
    const auto ran = run({"early", GetParam()});
    unsetenv("BROOD_TEST_EARLY");
    unsetenv("BROOD_TEST_FILE");
    EXPECT_EQ(ran.code, 0) << ran.err;
    const std::string notes = text_of(file);
    EXPECT_EQ(notes.find("too deep"), std::string::npos) << notes;
    EXPECT_TRUE(notes.ends_with("main 6\n")) << notes;
    EXPECT_TRUE(notes.starts_with(early == "spawn" ? "refused: " : "initialiser 5\n")) << notes;
    // In a spawned copy the initialiser runs again, before that is a child.
    if (std::string(GetParam()) == "spawn") {
      const auto second = notes.substr(notes.find('\n') + 1);
      EXPECT_TRUE(second.starts_with("refused: ")) << notes;
    }
  }
}

// ---- bad weather ----

TEST_P(WholeProgram, runs_in_4_GiB_of_addresses) {
  if (sanitized) GTEST_SKIP() << "the address sanitizer itself reserves terabytes";
  expect_runs({"setup", "address-space", GetParam()});
}

TEST_P(WholeProgram, runs_where_files_may_be_small) { expect_runs({"setup", "file-size", GetParam()}); }

TEST(WholeProgramAlone, arena_that_cannot_be_had_is_an_error_that_names_its_size) {
  if (sanitized) GTEST_SKIP() << "the address sanitizer itself reserves terabytes";
  const auto ran = run({"setup", "huge-arena"});
  EXPECT_TRUE(ran.out.starts_with("NoMemory: ")) << ran.out;
  EXPECT_NE(ran.out.find("1048576 MiB"), std::string::npos) << ran.out;
}

TEST_P(WholeProgram, runs_with_64_descriptors_and_gives_the_soft_limit_back_to_children) {
  expect_runs({"setup", "descriptors", GetParam(), "64"}, "ended with 64\n");
  expect_runs({"setup", "descriptors", GetParam(), "40"}, "ended with 40\n");
}

TEST_P(WholeProgram, too_large_an_argument_is_NoMemory_and_memory_is_given_back) {
  const auto ran = run({"setup", "small-arena", GetParam()});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  if (std::string(GetParam()) == "fork") {
    EXPECT_EQ(ran.out, "started\nended with 5\n");  // nothing is sent
  } else {
    EXPECT_TRUE(ran.out.starts_with("NoMemory: no shared memory for ")) << ran.out;
    EXPECT_TRUE(ran.out.ends_with("ended with 5\n")) << ran.out;
  }
}

// R11
TEST_P(WholeProgram, needs_no_dev_shm) {
  const auto ran = run({"setup", "no-shm", GetParam()});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "no mount namespace can be made here";
  EXPECT_EQ(ran.out, "ended with 5\n") << ran.err;
}

TEST(WholeProgramAlone, runs_without_proc) {
  const auto ran = run({"setup", "no-proc", "forkserver"});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "no mount namespace can be made here";
  EXPECT_EQ(ran.out, "ended with 5\n") << ran.err;
}

// M16 R11
TEST_P(WholeProgram, leaves_nothing_in_tmp_and_dev_shm) {
  const auto files = [] {
    std::set<std::string> all;
    for (const char* folder : {"/tmp", "/dev/shm"}) {
      std::error_code none;
      for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
        if (entry.path().filename().string().find("brood") != std::string::npos &&
            !entry.path().filename().string().starts_with("brood-test-"))
          all.insert(entry.path());
      }
    }
    return all;
  };
  const auto before = files();
  expect_runs({"setup", "deleted", GetParam(), "/nonexistent"});
  EXPECT_EQ(files(), before);
}

// P24, P25, P39
TEST_P(WholeProgram, runs_with_its_standard_descriptors_closed) {
  for (const std::string closed : {"0", "1", "2", "12", "012", "01"}) {
    const Folder folder;
    const auto ran = run({"setup", "closed", GetParam(), closed, folder / "notes"});
    EXPECT_EQ(ran.code, 0) << closed << ran.err;
    std::istringstream notes(text_of(folder / "notes"));
    std::string line;
    for (const std::string who : {"child", "program"}) {
      std::getline(notes, line);
      EXPECT_TRUE(line.starts_with(who)) << closed << ran.err;
      std::istringstream words(line);
      std::string fd[3];
      std::getline(words, line, '|');
      for (auto& target : fd) std::getline(words, target, '|');
      // What brood opens for itself must not lie where others print and read.
      for (const char number : closed) {
        const auto& target = fd[number - '0'];
        EXPECT_TRUE(target == "closed" || target == "/dev/null")
            << closed << " were closed: in the " << who << " " << number << " is " << target;
      }
    }
    std::getline(notes, line);
    EXPECT_EQ(line, "ended with 0") << closed << ran.err;
  }
}

// P36
TEST_P(WholeProgram, does_not_hand_down_what_it_opened_before_init) {
  const Folder folder;
  const auto ran = run({"setup", "opened-before", GetParam(), folder / "open"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const std::string open = text_of(folder / "open");
  const bool inherited = std::string(GetParam()) == "fork";
  EXPECT_EQ(open.find("socket:") != std::string::npos, inherited) << open;
  EXPECT_EQ(open.find("/etc/passwd") != std::string::npos, inherited) << open;
}

// ---- its own file ----

// P42
TEST_P(WholeProgram, runs_on_when_its_file_is_deleted) {
  const Folder folder;
  const std::string copy = folder / "copy";
  std::filesystem::copy_file(path_of("setup"), copy);
  const auto ran = run({copy, "deleted", GetParam(), copy});
  EXPECT_EQ(ran.out, "ended with 5\n") << ran.err;
  EXPECT_FALSE(std::filesystem::exists(copy));
}

// P42
TEST_P(WholeProgram, runs_although_its_first_argument_lies) {
  Program program({"/no/such/program", "deleted", GetParam(), "/nonexistent"}, path_of("setup"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.out(), "ended with 5\n") << program.err();
}

}  // namespace
