// Whole programs that end, or are ended: what becomes of their children.

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "child_support.hpp"
#include "run_program.hpp"

namespace {

using namespace child_support;
using run_program::Program;
using run_program::run;

const char* const methods[] = {"forkserver", "fork", "spawn"};

class ProgramEnd : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(each, ProgramEnd, testing::ValuesIn(methods),
                         [](const auto& info) { return std::string(info.param); });

std::size_t times(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

// The number behind the word that a line begins with; 0 for another line.
pid_t pid_in(const std::string& line, const std::string& word) {
  return line.starts_with(word + " ") ? std::stoi(line.substr(word.size() + 1)) : 0;
}

TEST_P(ProgramEnd, joins_a_child_that_is_no_daemon) {
  const Gate gate;
  Program program({"ends", "joins", GetParam(), gate.path()});
  EXPECT_EQ(program.line(), "main ends");
  EXPECT_TRUE(program.running());
  gate.open();
  EXPECT_EQ(program.wait(), 3);
  EXPECT_EQ(program.out(), "main ends\nchild ends\n");
  EXPECT_EQ(program.err(), "");
}

TEST(ProgramEndAlone, names_those_it_still_waits_for) {
  const Gate gate;
  Program program({"ends", "joins", "forkserver", gate.path()});
  EXPECT_TRUE(program.has_said("weather (pid "));
  gate.open();
  EXPECT_EQ(program.wait(), 3);
  EXPECT_EQ(program.out(), "main ends\nchild ends\n");
}

TEST(ProgramEndAlone, names_tasks_that_it_still_waits_for) {
  for (const std::string kind : {"static", "owned", "leaked"}) {
    const Gate gate;
    Program program({"ends", kind + "-pool", "", gate.path()});
    EXPECT_TRUE(program.has_said("the pool Kept, which has 1 task left: the last task in Kept-1 (pid "))
        << kind;
    gate.open();
    EXPECT_EQ(program.wait(), 4) << kind;
    EXPECT_EQ(program.out(), "waits\n");
    EXPECT_EQ(times(program.err(), "Kept"), 2U) << program.err();
  }
}

TEST(ProgramEndAlone, says_nothing_of_a_pool_that_takes_its_time_in_main) {
  const Gate gate;
  Program program({"ends", "local-pool", "", gate.path()});
  EXPECT_EQ(program.line(), "waits");
  // Longer than what is still there at the end of a program has before it is named.
  std::this_thread::sleep_for(std::chrono::seconds(6));
  EXPECT_TRUE(program.running());
  gate.open();
  EXPECT_EQ(program.wait(), 4);
  EXPECT_EQ(program.err(), "");
}

TEST_P(ProgramEnd, runs_handlers_and_destructors_of_statics_in_one_order) {
  const std::string order =
      "~second\nbrood again\nbrood late\nstd late\nstd: first 1\nbrood: first 1\n~first\n";
  for (const std::string what : {"order", "order-in-child"}) {
    const auto ran = run({"ends", what, GetParam()});
    EXPECT_EQ(ran.code, 0) << what << ran.err;
    EXPECT_EQ(ran.out, order) << what;
  }
}

TEST_P(ProgramEnd, terminates_a_daemon) {
  const std::map<std::string, int> codes = {
      {"returns", 0}, {"exit", 7}, {"quick", 8}, {"throws", -SIGABRT}, {"stubborn", 0}};
  for (const auto& [how, code] : codes) {
    const Folder folder;
    const std::string fifo = folder / "fifo";
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    Program program({"ends", how, GetParam(), fifo});
    const pid_t child = pid_in(program.line(), "child");
    ASSERT_GT(child, 0);
    std::ofstream(fifo) << "go\n";
    EXPECT_EQ(program.wait(), code) << how;
    EXPECT_TRUE(gone(child)) << how;
  }
}

// exit destroys what is local to the thread before it calls handlers.
TEST_P(ProgramEnd, handlers_may_start_processes) {
  const auto ran = run({"ends", "starts-at-exit", GetParam()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(times(ran.out, "from main\n"), 1U) << ran.out;
  EXPECT_EQ(times(ran.out, "from a handler\n"), 5U) << ran.out;
  EXPECT_EQ(times(ran.out, "and again\n"), 5U) << ran.out;
}

// R10, X07, X11: children, grandchildren, and a program that a child started.
TEST_P(ProgramEnd, by_any_signal_takes_all_descendants_along) {
  for (const char* how : {"quiet", "busy"}) {
    for (const int signal : {SIGKILL, SIGTERM, SIGSEGV}) {
      Program program({"tree", GetParam(), how});
      std::vector<pid_t> all;
      for (int i = 0; i < 5; ++i) {
        const std::string line = program.line();
        const auto space = line.find(' ');
        ASSERT_NE(space, std::string::npos) << "after " << i << " lines: '" << line << "' " << program.err();
        all.push_back(std::stoi(line.substr(space)));
      }
      program.kill(signal);
      bool all_gone = true;
      for (const pid_t pid : all) all_gone = gone(pid) && all_gone;
      ASSERT_TRUE(all_gone) << how << " " << signal << "\n" << program.out();
      EXPECT_EQ(program.wait(), -signal) << how;  // and nobody holds its output any more
    }
  }
}

TEST_P(ProgramEnd, takes_children_along_although_the_users_own_fork_lives_on) {
  Program program({"own_fork", GetParam()});
  pid_t child = 0;
  pid_t own = 0;
  std::string refused;
  for (int i = 0; i < 2; ++i) {
    const std::string line = program.line();
    child += pid_in(line, "child");
    if (line.starts_with("own ")) {
      own = std::stoi(line.substr(4));
      refused = line;
    }
  }
  ASSERT_GT(child, 0) << program.out() << program.err();
  ASSERT_GT(own, 0) << program.out() << program.err();
  EXPECT_NE(refused.find("made by fork()"), std::string::npos) << refused;
  program.kill(SIGKILL);
  EXPECT_EQ(program.wait(), -SIGKILL);
  EXPECT_TRUE(gone(child));
  EXPECT_EQ(kill(own, 0), 0);
  kill(own, SIGKILL);
}

// ---- what a child that throws says ----

TEST_P(ProgramEnd, exception_in_a_child_is_told_with_type_text_and_the_function_that_threw) {
  struct Case {
    const char *what, *type, *text;
  };
  for (const auto& [what, type, text] :
       {Case{"standard", "std::out_of_range", "no such day"}, Case{"own", "weather::TooHot", "forty degrees"},
        Case{"other", "weather::Storm", ""}, Case{"number", "int", ""}, Case{"text", "char const*", ""},
        Case{"nested", "std::runtime_error", "second"}}) {
    const auto ran = run({"throws", what, GetParam()});
    EXPECT_EQ(ran.code, 1) << what;
    EXPECT_EQ(ran.out, "") << what;
    for (const char* said : {type, text, "forecast (pid ", "function_that_throws"}) {
      EXPECT_NE(ran.err.find(said), std::string::npos) << what << ": no " << said << " in\n" << ran.err;
    }
  }
}

TEST_P(ProgramEnd, exit_code_that_no_byte_holds_is_told) {
  const auto ran = run({"setup", "exit-code", GetParam()});
  EXPECT_EQ(ran.code, 255);
  EXPECT_NE(ran.err.find("300"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("large (pid "), std::string::npos) << ran.err;
}

// ---- output ----

// P39
TEST_P(ProgramEnd, output_buffered_before_init_and_start_comes_once) {
  // What a spawned copy does before its init it does again.
  const bool spawn = std::string(GetParam()) == "spawn";
  const auto ran = run({"output", spawn ? "plain" : "before-init", GetParam()});
  EXPECT_EQ(ran.code, 0);
  for (const char* line :
       {"before start\n", "and by iostream\n", "in the child\n", "by iostream too\n", "after join\n"})
    EXPECT_EQ(times(ran.out, line), 1U) << line << " in\n" << ran.out;
  if (!spawn) {
    EXPECT_EQ(times(ran.out, "before init, "), 1U) << ran.out;
    EXPECT_EQ(times(ran.out, "by iostream too, "), 1U) << ran.out;
  }
}

TEST_P(ProgramEnd, a_terminated_child_has_printed_its_lines) {
  const Folder folder;
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Program program({"output", "terminated", GetParam(), fifo});
  EXPECT_EQ(program.line(), "a line of a terminated child");
  std::ofstream(fifo) << "go\n";
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.out(), "a line of a terminated child\n");
}

}  // namespace
