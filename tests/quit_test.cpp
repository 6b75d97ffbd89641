// SIGQUIT: who waits for what, in all processes of a program.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <regex>
#include <string>

#include "run_program.hpp"

namespace {

using run_program::Program;

struct Quit {
  int code;
  std::string out, err;

  bool tells(const std::string& line) const { return std::regex_search(err, std::regex(line)); }
  auto lines() const { return std::count(err.begin(), err.end(), '\n'); }
};

/// Runs it until its waits are noted, and ends it by SIGQUIT.
Quit quit(const std::string& mode) {
  Program program({"hang", mode});
  EXPECT_EQ(program.line(), "noted") << program.err();
  program.kill(SIGQUIT);
  const int code = program.wait();
  return {code, program.out(), program.err()};
}
Quit run(const std::string& mode) {
  const auto ran = run_program::run({"hang", mode});
  return {ran.code, ran.out, ran.err};
}

TEST(QuitReport, tells_who_waits_for_what_and_the_program_ends_by_the_signal_and_leaves_nobody) {
  const auto hang = quit("deadlock");
  EXPECT_EQ(hang.code, -SIGQUIT) << hang.err;  // -2000 when somebody lives on
  const std::string pid = R"( \(pid \d+\))", since = R"(, for \d+ s\n)";
  EXPECT_TRUE(hang.tells("^brood: SIGQUIT: who waits for what in hang" + pid + ", with 3 more processes\n"))
      << hang.err;
  EXPECT_TRUE(hang.tells("\n  hang" + pid +
                         " waits in Future::get of crunch\\(int\\) called with \\(7\\)"
                         ", which runs in PoolWorker-[12]" +
                         pid + since))
      << hang.err;
  EXPECT_TRUE(
      hang.tells("\n  hang \\(pid \\d+, thread \\d+\\) waits in Process::join of Process-1" + pid + since))
      << hang.err;
  EXPECT_TRUE(
      hang.tells("\n  Process-1" + pid + " waits in Queue::get on queue \\d+, which is empty" + since))
      << hang.err;
  EXPECT_TRUE(
      hang.tells("\n  PoolWorker-[12]" + pid + " waits in Queue::get on queue \\d+, which is empty" + since))
      << hang.err;
  EXPECT_TRUE(hang.tells("\n  1 worker is without a task: PoolWorker-[12]" + pid + "\n")) << hang.err;
  EXPECT_EQ(hang.lines(), 6) << hang.err;
}

TEST(QuitReport, tells_of_every_kind_of_wait) {
  const auto hang = quit("others");
  EXPECT_EQ(hang.code, -SIGQUIT) << hang.err;
  for (const char* wait :
       {"Queue::put on queue \\d+, which is full \\(max_size 1\\)",
        "a submission to a pool that has its max_pending tasks",
        "Future::get of a Promise that nobody has kept", "imap, for the next of its results",
        "Pool::join of the pool PoolWorker, which has 1 task left: .*get.* in PoolWorker-1 \\(pid \\d+\\)"}) {
    EXPECT_TRUE(hang.tells(std::string("waits in ") + wait)) << wait << ":\n" << hang.err;
  }
}

class QuitReportOf : public testing::TestWithParam<const char*> {};
TEST_P(QuitReportOf, a_child_that_began_so) {
  const auto hang = quit(GetParam());
  EXPECT_EQ(hang.code, -SIGQUIT) << hang.err;
  EXPECT_TRUE(hang.tells("\n  Process-1 \\(pid \\d+\\) waits in Queue::get on queue")) << hang.err;
  EXPECT_TRUE(hang.tells("waits in Process::join of Process-1 \\(pid")) << hang.err;
}
INSTANTIATE_TEST_SUITE_P(, QuitReportOf, testing::Values("fork", "forkserver", "spawn"));

TEST(QuitReport, of_a_child_alone_is_its_own_and_its_notes_go_with_it) {
  Program program({"hang", "child"});
  const int child = std::stoi(program.line());
  ASSERT_EQ(program.line(), "noted");
  kill(child, SIGQUIT);
  EXPECT_EQ(program.line(), "ended with -3, 0 notes are left");
  EXPECT_EQ(program.wait(), 0);
  EXPECT_TRUE(std::regex_search(program.err(),
                                std::regex("^brood: SIGQUIT: who waits for what in Process-1 \\(pid \\d+\\)\n"
                                           "  Process-1 \\(pid \\d+\\) waits in Queue::get on queue")))
      << program.err();
  EXPECT_EQ(program.err().find("Process::join"), std::string::npos) << program.err();
}

TEST(QuitReport, of_many_threads_is_cut_to_a_screen) {
  const auto hang = quit("many");
  EXPECT_EQ(hang.code, -SIGQUIT) << hang.err;
  EXPECT_EQ(hang.lines(), 10) << hang.err;
  EXPECT_TRUE(hang.tells("\n  hang \\(pid \\d+\\) has 92 more threads that wait\n$")) << hang.err;
}

TEST(QuitReport, of_many_processes_is_cut_to_a_screen) {
  const auto hang = quit("crowd");
  EXPECT_EQ(hang.code, -SIGQUIT) << hang.err;
  EXPECT_LE(hang.lines(), 40) << hang.err;
  EXPECT_TRUE(hang.tells(", with 45 more processes\n")) << hang.err;
  EXPECT_TRUE(hang.tells("\n  and [0-9]+ more lines\n$")) << hang.err;
}

TEST(QuitReport, bears_noise_in_the_table) {
  const auto hang = run("noise");
  EXPECT_EQ(hang.code, -SIGQUIT) << hang.err;
  EXPECT_LE(hang.lines(), 40) << hang.err;
  EXPECT_TRUE(std::ranges::none_of(hang.err, [](char c) {
    return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7f;
  })) << hang.err;
}

TEST(QuitReport, finds_room_where_the_dead_have_left_their_notes) {
  const auto hang = quit("abandoned");
  EXPECT_EQ(hang.code, -SIGQUIT) << hang.err;
  EXPECT_TRUE(hang.tells("\n  Process-1 \\(pid \\d+\\) waits in Queue::get on queue")) << hang.err;
}

TEST(QuitReport, stays_away_where_the_program_handles_the_signal_or_ignores_it) {
  for (const char* mode : {"own before", "own after"}) {
    const auto handled = run(mode);
    EXPECT_EQ(handled.code, 7) << mode;
    EXPECT_EQ(handled.out, "own\n") << mode;
    EXPECT_EQ(handled.err, "") << mode;
  }
  const auto ignored = run("ignored");
  EXPECT_EQ(ignored.code, 0);
  EXPECT_EQ(ignored.out, "goes on\n");
  EXPECT_EQ(ignored.err, "");
}

TEST(QuitReport, is_not_given_by_a_copy_that_the_program_has_made_by_fork) {
  const auto copy = run("copy");
  EXPECT_EQ(copy.code, 0);
  EXPECT_EQ(copy.out, "-3\n");
  EXPECT_EQ(copy.err, "");
}

}  // namespace
