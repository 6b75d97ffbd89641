// The fork server is killed, or the kernel refuses what it asks for.

#include <gtest/gtest.h>

#include "child_support.hpp"
#include "run_program.hpp"

namespace {

using namespace child_support;
using run_program::Program;
using run_program::run;

const char* const methods[] = {"forkserver", "spawn"};

class ForkServer : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(each, ForkServer, testing::ValuesIn(methods),
                         [](const auto& info) { return std::string(info.param); });

// P27
TEST_P(ForkServer, killed_is_followed_by_its_standby) {
  const auto ran = run({"server", "one", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 5\n");
  EXPECT_EQ(ran.code, 0);
}

TEST_P(ForkServer, may_be_killed_again_and_again) {
  const auto ran = run({"server", "again", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 5\n");
  EXPECT_EQ(ran.code, 0);
}

TEST_P(ForkServer, and_its_standby_may_be_killed_in_turn) {
  const auto ran = run({"server", "in-turn", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 5\n");
  EXPECT_EQ(ran.code, 0);
}

TEST_P(ForkServer, leaves_no_zombie_behind_however_often_it_is_killed) {
  const auto ran = run({"server", "unasked", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 5\n");
  EXPECT_EQ(ran.code, 0);
}

TEST_P(ForkServer, goes_on_when_its_standby_is_killed) {
  const auto ran = run({"server", "standby", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 5\n");
}

TEST_P(ForkServer, ends_with_the_program_also_when_the_kernel_loses_the_signal) {
  const auto ran = run({"server", "deaf", GetParam()});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "descriptors of other processes cannot be had here";
  EXPECT_EQ(ran.code, -SIGKILL) << "-2000: somebody lives on";
}

// P26
TEST_P(ForkServer, ignores_what_is_meant_for_the_program) {
  const auto ran = run({"server", "interrupt", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 5\n");
}

TEST_P(ForkServer, that_is_gone_with_its_standby_is_an_error_and_no_hang) {
  const auto ran = run({"server", "both", GetParam()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("StartFailed: ")) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("renew_server"), std::string::npos) << ran.out;
}

TEST_P(ForkServer, that_is_gone_with_its_standby_can_be_renewed) {
  const auto ran = run({"server", "both-then-renew", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 5\n");
}

TEST_P(ForkServer, that_is_slow_is_not_dead) {
  const auto ran = run({"server", "stopped", GetParam()});
  EXPECT_EQ(ran.out + ran.err, "ended with 3\n");
}

// P27: Python's old child reads 0 or 255.
TEST_P(ForkServer, killed_leaves_a_running_child_alone) {
  const Gate gate;
  const auto ran = run({"server", "running", GetParam(), gate.path()});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out + ran.err, std::string(GetParam()) == "spawn" ? "status unknown\n" : "ended with 9\n");
}

// ---- filters ----

TEST_P(ForkServer, refused_the_clone_makes_children_of_its_own) {
  Program program({"filtered", "clone-parent", GetParam()});
  const std::string line = program.line();
  if (line == "not allowed") GTEST_SKIP() << "no seccomp filter can be installed here";
  EXPECT_EQ(line, "5 -6 parent=server nested=7") << program.err();
  const std::string child = program.line();
  ASSERT_TRUE(child.starts_with("child ")) << child << program.err();
  program.kill(SIGKILL);
  EXPECT_EQ(program.wait(), -SIGKILL);
  EXPECT_TRUE(gone(std::stoi(child.substr(6))));
}

TEST(ForkServerAlone, refused_for_want_of_room_is_StartFailed_with_the_systems_reason_for_whoever_asks) {
  const auto ran = run({"filtered", "no-room", "forkserver"});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "no seccomp filter can be installed here";
  EXPECT_EQ(ran.code, 0) << ran.err;
  std::istringstream lines(ran.out);
  int told = 0;
  for (std::string line; std::getline(lines, line); ++told) {
    EXPECT_NE(line.find("refused"), std::string::npos) << line;
    EXPECT_NE(line.find("Resource temporarily unavailable"), std::string::npos) << line;
  }
  EXPECT_EQ(told, 6) << ran.out;
}

TEST_P(ForkServer, needs_no_clone3) {
  Program program({"filtered", "clone3", GetParam()});
  const std::string line = program.line();
  if (line == "not allowed") GTEST_SKIP() << "no seccomp filter can be installed here";
  const std::string parent = std::string(GetParam()) == "spawn" ? "server" : "caller";
  EXPECT_EQ(line, "5 -6 parent=" + parent + " nested=7") << program.err();
}

TEST(ForkServerAlone, without_pidfd_open_refuses_pools_in_a_sentence) {
  const auto ran = run({"filtered", "no-pidfd", "forkserver"});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "no seccomp filter can be installed here";
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("5\npidfd_open, by which a pool watches its workers")) << ran.out;
  EXPECT_NE(ran.out.find("BROOD_INLINE=1"), std::string::npos) << ran.out;
}

TEST_P(ForkServer, works_under_dockers_default_profile) {
  Program program({"filtered", "docker", GetParam()});
  const std::string line = program.line();
  if (line == "not allowed") GTEST_SKIP() << "no seccomp filter can be installed here";
  const std::string parent = std::string(GetParam()) == "spawn" ? "server" : "caller";
  EXPECT_EQ(line, "5 -6 parent=" + parent + " nested=7") << program.err();
  EXPECT_EQ(program.line(), "8 late") << program.err();
  const std::string child = program.line();
  ASSERT_TRUE(child.starts_with("child ")) << child << program.err();
  program.kill(SIGKILL);
  EXPECT_EQ(program.wait(), -SIGKILL);
  EXPECT_TRUE(gone(std::stoi(child.substr(6))));
}

}  // namespace
