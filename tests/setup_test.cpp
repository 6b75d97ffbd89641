// docs/setup.md, compiled and run: what it says of libraries, of modules that are loaded later, of OpenBLAS,
// of containers.

#include <gtest/gtest.h>

#include <filesystem>

#include "run_program.hpp"

namespace {

using run_program::path_of;
using run_program::run;

TEST(Setup, library_that_uses_brood_needs_nothing_of_its_program) {
  const auto ran = run({"with_library"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("19\nspawn executes the program anew")) << ran.out << ran.err;
}

TEST(Setup, module_that_is_loaded_later_needs_a_new_server) {
  const auto ran = run({"loads_late", path_of("libbrood_test_late.so")});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("UsageError: ")) << ran.out;
  EXPECT_NE(ran.out.find("brood::renew_server()"), std::string::npos) << ran.out;
  EXPECT_TRUE(ran.out.ends_with("\n42\n")) << ran.out;
}

TEST(Setup, openblas_and_its_threads_are_welcome) {  // X09
  if (!std::filesystem::exists(path_of("with_openblas")))
    GTEST_SKIP() << "OpenBLAS was not here when this was built";
  for (const std::string method : {"forkserver", "spawn"}) {
    const auto ran = run({"with_openblas", method});
    EXPECT_EQ(ran.code, 0) << method << ran.err;
    EXPECT_EQ(ran.out, "67\n") << method << ran.err;
  }
}

TEST(Setup, container_may_have_brood_as_its_first_process) {
  for (const std::string method : {"forkserver", "fork", "spawn"}) {
    const auto ran = run({"container", "outer", method});
    if (ran.out == "not allowed\n") GTEST_SKIP() << "no pid namespace can be made here";
    EXPECT_EQ(ran.code, 0) << method << ran.err;
    const std::string code = method == "spawn" ? "6" : "5";
    EXPECT_EQ(ran.out, "pid 1 child " + code + " results 1 4 died 16\n") << method << ran.err;
  }
}

TEST(Setup, proc_need_not_be_there) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer itself needs it";
#endif
  for (const std::string method : {"forkserver", "fork"}) {
    const auto ran = run({"container", "outer", method, "without-proc"});
    if (ran.out == "not allowed\n") GTEST_SKIP() << "no pid namespace can be made here";
    EXPECT_EQ(ran.code, 0) << method << ran.err;
    EXPECT_EQ(ran.out, "pid 1 child 5 results 1 4 died 16\n") << method << ran.err;
  }
  // To execute itself anew it must find itself.
  const auto ran = run({"container", "outer", "spawn", "without-proc"});
  if (ran.out == "not allowed\n") GTEST_SKIP() << "no pid namespace can be made here";
  EXPECT_NE(ran.code, 0) << ran.out;
  EXPECT_NE(ran.err.find("/proc"), std::string::npos) << ran.err;
}

}  // namespace
