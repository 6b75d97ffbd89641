// docs/setup.md, compiled and run: what it says of libraries, of modules that are loaded later, of OpenBLAS,
// of containers.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

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

// The first argument is one that the dynamic linker would run instead.
TEST(Setup, program_that_the_dynamic_linker_runs_is_spawned_all_the_same) {
  const std::string linker = "/lib64/ld-linux-x86-64.so.2";
  if (!std::filesystem::exists(linker)) GTEST_SKIP() << "no " << linker;
  for (const std::string method : {"spawn", "forkserver", "fork"}) {
    const auto ran = run({linker, path_of("setup"), "/bin/true", method});
    EXPECT_EQ(ran.out, "ended with 5\n") << method << ran.err;
  }
}

TEST(Setup, program_that_lies_in_memory_alone_is_spawned_too) {
  std::ifstream file(path_of("setup"), std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  const int memory = memfd_create("setup", MFD_CLOEXEC);
  ASSERT_EQ(write(memory, bytes.str().data(), bytes.str().size()), static_cast<ssize_t>(bytes.str().size()));
  for (const std::string method : {"spawn", "forkserver", "fork"}) {
    run_program::Program program({"setup", "/bin/true", method}, "/proc/self/fd/" + std::to_string(memory));
    EXPECT_EQ(program.wait(), 0);
    EXPECT_EQ(program.out(), "ended with 5\n") << method << program.err();
  }
  close(memory);
}

TEST(Setup, what_is_spawned_must_come_to_init) {
  const auto ran = run({"setup", "leaves-early", "spawn"});
  EXPECT_TRUE(ran.out.starts_with("StartFailed: ")) << ran.out << ran.err;
  EXPECT_NE(ran.out.find(path_of("setup") + ", ended with 3 and has not come to brood::init"),
            std::string::npos)
      << ran.out;
}

TEST(Setup, two_copies_of_brood_that_are_apart_both_work) {
  const auto ran = run({"two_copies_hidden"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "program 14 library 19\nprogram 14 library 19\n") << ran.err;
}

TEST(Setup, two_copies_of_brood_that_call_each_other_are_refused) {
  const auto ran = run({"two_copies_open"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("UsageError: brood is twice in this program, in ")) << ran.out;
  EXPECT_NE(ran.out.find("libbrood_test_open_library.so and in "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("-fvisibility=hidden"), std::string::npos) << ran.out;
}

TEST(Setup, threads_that_are_in_the_way_are_named_with_a_way_out) {
  const std::pair<std::string, std::string> table[] = {{"at work", "have it do so after brood::init"},
                                                       {"jemalloc_bg_thd", "background_thread:false"}};
  for (const auto& [name, way_out] : table) {
    const auto ran = run({"setup", "init-with-thread", name});
    EXPECT_NE(ran.out.find("(beside this one, by their names: " + name + ")"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find(way_out), std::string::npos) << ran.out;
  }
}

TEST(Setup, threads_of_jemalloc_are_named_with_a_way_out) {
  const std::string jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
  if (!std::filesystem::exists(jemalloc)) GTEST_SKIP() << "jemalloc (Debian: libjemalloc2) is not here";
  setenv("LD_PRELOAD", jemalloc.c_str(), 1);
  setenv("MALLOC_CONF", "background_thread:true", 1);
  const auto refused = run({"setup", "options", "0", "4095"});
  setenv("MALLOC_CONF", "background_thread:false", 1);
  const auto works = run({"setup", "options", "0", "4095"});
  unsetenv("MALLOC_CONF");
  unsetenv("LD_PRELOAD");
  EXPECT_NE(refused.out.find("jemalloc_bg_thd"), std::string::npos) << refused.out << refused.err;
  EXPECT_NE(refused.out.find("MALLOC_CONF=background_thread:false"), std::string::npos) << refused.out;
  EXPECT_EQ(works.out, "made 7\n") << works.err;
}

struct Refused {
  std::string name, arena_bytes, members, what;
};
class InitOptionsTable : public testing::TestWithParam<Refused> {};
INSTANTIATE_TEST_SUITE_P(
    each, InitOptionsTable,
    testing::Values(Refused{"one_byte", "1", "4095", "an arena of 1 bytes"},
                    Refused{"too_small", "4194303", "4095", "at least 4194304 (4 MiB)"},
                    Refused{"too_large", "140737488355329", "4095", "at most 140737488355328 (128 TiB)"},
                    Refused{"largest_number", "18446744073709551615", "4095", "at most 140737488355328"},
                    Refused{"no_members", "0", "0", "between 8 and 4095 processes can share memory, not 0"},
                    Refused{"few_members", "0", "7", "not 7"},
                    Refused{"many_members", "0", "4096", "not 4096"},
                    Refused{"most_members", "0", "4294967295", "not 4294967295"}),
    [](const auto& info) { return info.param.name; });

TEST_P(InitOptionsTable, what_cannot_be_met_is_refused) {
  const auto ran = run({"setup", "options", GetParam().arena_bytes, GetParam().members});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("UsageError: ")) << ran.out;
  EXPECT_NE(ran.out.find(GetParam().what), std::string::npos) << ran.out;
}

TEST(Setup, least_options_are_enough_for_a_pool_and_a_queue) {
  const auto ran = run({"setup", "options", "4194304", "8"});
  EXPECT_EQ(ran.out, "made 7\n") << ran.err;
}

TEST(Setup, worker_without_a_member_says_so_in_a_whole_sentence) {
  const auto ran = run({"setup", "few-members"});
  EXPECT_EQ(
      ran.out,
      "NoMemory: more than 8 processes share memory; ask for more with brood::init(argc, argv, {.members "
      "= ...})\n")
      << ran.err;
}

}  // namespace
