// A program that confines itself after init: its children must not be without that. A start is refused and
// names what differs, and a renewed server gives it.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "child_support.hpp"
#include "run_program.hpp"

namespace {

using namespace child_support;
using run_program::run;

class Confinement : public testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  std::string what() const { return std::get<0>(GetParam()); }
  std::string where() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(
    after, Confinement,
    testing::Combine(testing::Values("user", "groups", "capabilities", "effective", "bounding",
                                     "no_new_privs", "seccomp", "chroot", "mnt", "net", "ipc", "uts",
                                     "cgroup", "user_namespace"),
                     testing::Values("forkserver", "fork", "spawn", "pool")),
    [](const auto& info) { return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param); });

// What the refusal names; `at_each_start`: by any start, not by a pool's alone.
struct Named {
  std::string words;
  bool at_each_start;
};
const std::map<std::string, Named> named = {
    {"user", {"changed its user or group", true}},
    {"groups", {"changed its supplementary groups", true}},
    {"capabilities", {"dropped capabilities (cap_net_raw)", true}},
    {"effective", {"lowered capabilities (cap_net_raw)", true}},
    {"bounding", {"dropped capabilities from its bounding set (cap_net_raw)", false}},
    {"no_new_privs", {"set no_new_privs", true}},
    {"seccomp", {"installed seccomp filters", true}},
    {"chroot", {"changed its root folder", true}},
    {"mnt", {"its namespace of mounts", true}},
    {"net", {"entered another namespace (net)", false}},
    {"ipc", {"entered another namespace (ipc)", false}},
    {"uts", {"entered another namespace (uts)", false}},
    {"cgroup", {"entered another namespace (cgroup)", false}},
    {"user_namespace", {"changed its user or group", true}},
};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_P(Confinement, is_the_childs_or_refused_until_the_server_is_renewed) {
  const Folder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  const auto ran = run({"confined", what(), where(), folder.path()});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "this user may not";
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.code, 0);
  const auto lines = lines_of(ran.out);
  ASSERT_EQ(lines.size(), 2U) << ran.out;
  const auto& [words, at_each_start] = named.at(what());
  if (where() == "fork") {
    EXPECT_EQ(lines[0], "started with the same");
  } else if (where() == "pool" || at_each_start) {
    EXPECT_TRUE(lines[0].starts_with("StartFailed: the program has ")) << ran.out;
    EXPECT_NE(lines[0].find(words), std::string::npos) << ran.out;
    EXPECT_NE(lines[0].find("call brood::renew_server()"), std::string::npos) << ran.out;
  }
  if (what() == "chroot" && where() == "spawn") {  // the program is not to be found there
    EXPECT_NE(lines[1].find("execve of /proc/self/exe"), std::string::npos) << ran.out;
    return;
  }
  const auto child = lines[1].find(" child ");
  ASSERT_NE(child, std::string::npos) << ran.out;
  EXPECT_EQ(lines[1].substr(0, child), "program " + lines[1].substr(child + 7));
}

TEST(ConfinementOfPids, is_refused_before_and_after_the_server_is_renewed) {
  const auto ran = run({"confined", "pid", "pool", "/"});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "this user may not";
  EXPECT_NE(ran.out.find("StartFailed: the program has entered another namespace (pid_for_children)"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("UsageError: children of this process would be in another namespace of pids"),
            std::string::npos)
      << ran.out;
}

// It was sent a queue, so that a thread of brood's notices its death too: that must not end the program.
TEST(SpawnInAFolderThatHasNoProc, is_an_error_of_that_child_alone) {
  const Folder folder;
  for (int i = 0; i < 20; ++i) {
    const auto ran = run({"confined", "chroot", "spawn", folder.path()});
    if (ran.out == "not allowed\n") GTEST_SKIP() << "this user may not";
    ASSERT_EQ(ran.err, "");
    ASSERT_EQ(ran.code, 0);
  }
}

// The servers are another user's then, and cannot be killed.
TEST(ProgramThatChangedItsUser, ends) {
  const auto ran = run({"confined", "user", "end", "/"});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "this user may not";
  EXPECT_EQ(ran.out, "65534 65534\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
}

}  // namespace
