// What a child finds: what follows its caller, what is as at init, and what it must not see.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "child_support.hpp"

namespace surroundings {

using namespace child_support;

class Surroundings : public EachMethod {};
BROOD_EACH_METHOD(Surroundings);

int global = 1;  // before main

class RestoredDirectory {
 public:
  ~RestoredDirectory() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

// ---- what follows the caller at each start ----

TEST_P(Surroundings, working_directory_follows_the_caller) {
  const RestoredDirectory back;
  const Folder first, second;
  for (const auto& folder : {first.path(), second.path()}) {
    std::filesystem::current_path(folder);
    EXPECT_EQ(answer_of(options(), [] { return std::filesystem::current_path().string(); }), folder);
  }
}

TEST_P(Surroundings, umask_follows_the_caller) {
  const mode_t before = umask(0);
  for (const mode_t mask : {0027U, 0077U, 0002U}) {
    umask(mask);
    EXPECT_EQ(answer_of(options(), [] { return umask(0); }), std::to_string(mask));
    EXPECT_EQ(umask(mask), mask);
  }
  umask(before);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "none";
}

// P37 X10
TEST_P(Surroundings, environment_follows_the_caller) {
  const auto look = [] {
    return environment("BROOD_TEST_A") + "," + environment("BROOD_TEST_B") + "," + environment("BROOD_BIRTH");
  };
  EXPECT_EQ(answer_of(options(), look), "none,none,none");
  setenv("BROOD_TEST_A", "x=y z", 1);
  EXPECT_EQ(answer_of(options(), look), "x=y z,none,none");
  setenv("BROOD_TEST_A", "changed", 1);
  setenv("BROOD_TEST_B", "", 1);
  EXPECT_EQ(answer_of(options(), look), "changed,,none");
  unsetenv("BROOD_TEST_A");
  unsetenv("BROOD_TEST_B");
  EXPECT_EQ(answer_of(options(), look), "none,none,none");
}

TEST_P(Surroundings, environment_of_a_child_is_its_own) {
  setenv("BROOD_TEST_A", "here", 1);
  EXPECT_EQ(exit_code_of(options(), [] { setenv("BROOD_TEST_A", "there", 1); }), 0);
  EXPECT_EQ(environment("BROOD_TEST_A"), "here");
  unsetenv("BROOD_TEST_A");
}

// P37
TEST_P(Surroundings, resource_limits_follow_the_caller) {
  rlimit before{};
  getrlimit(RLIMIT_CORE, &before);
  for (const rlim_t soft : {rlim_t{0}, std::min<rlim_t>(before.rlim_max, 4096)}) {
    const rlimit limit{soft, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_CORE, &limit), 0);
    EXPECT_EQ(answer_of(options(),
                        [] {
                          rlimit now{};
                          getrlimit(RLIMIT_CORE, &now);
                          return now.rlim_cur;
                        }),
              std::to_string(soft));
  }
  setrlimit(RLIMIT_CORE, &before);
}

TEST_P(Surroundings, descriptor_limit_set_by_the_caller_follows_it) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit limit{before.rlim_max / 2, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(answer_of(options(),
                      [] {
                        rlimit now{};
                        getrlimit(RLIMIT_NOFILE, &now);
                        return now.rlim_cur;
                      }),
            std::to_string(limit.rlim_cur));
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_P(Surroundings, working_directory_that_has_been_removed_is_the_childs_too) {
  const RestoredDirectory back;
  struct stat here {};
  {
    const Folder folder;
    std::filesystem::current_path(folder.path());
    ASSERT_EQ(stat(".", &here), 0);
  }
  EXPECT_EQ(answer_of(options(),
                      [] {
                        struct stat now {};
                        return stat(".", &now) == 0 ? now.st_ino : 0;
                      }),
            std::to_string(here.st_ino));
}

// ---- globals ----

TEST_P(Surroundings, globals_are_as_the_start_method_says) {
  // main.cpp calls init first, so what is set here is later than that.
  global = 2;
  const std::string seen = answer_of(options(), [] { return global; });
  EXPECT_EQ(seen, GetParam() == brood::StartMethod::fork ? "2" : "1");
  global = 1;
}

TEST_P(Surroundings, globals_that_a_child_changes_are_its_own) {
  EXPECT_EQ(exit_code_of(options(), [] { global = 77; }), 0);
  EXPECT_EQ(global, 1);
  EXPECT_EQ(answer_of(options(), [] { return global; }), "1");
}

// ---- descriptors ----

std::string descriptors() {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(entry.path(), error);
    if (error) continue;  // the one that reads the folder
    all.push_back(entry.path().filename().string() + "=" + target.string());
  }
  std::sort(all.begin(), all.end());
  std::string text;
  for (const auto& one : all) text += one + "\n";
  return text;
}

// P36
TEST_P(Surroundings, descriptors_of_the_caller_are_not_inherited_but_by_fork) {
  const Folder folder;
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const int file = open((folder / "open-file").c_str(), O_CREAT | O_RDWR, 0600);  // neither is close-on-exec
  ASSERT_GE(socket, 0);
  ASSERT_GE(file, 0);
  const std::string seen = answer_of(options(), [] { return descriptors(); });
  close(socket);
  close(file);
  const bool inherited = GetParam() == brood::StartMethod::fork;
  EXPECT_EQ(seen.find("socket:") != std::string::npos, inherited) << seen;
  EXPECT_EQ(seen.find("open-file") != std::string::npos, inherited) << seen;
}

TEST_P(Surroundings, a_child_has_0_1_2_and_what_brood_keeps) {
  if (GetParam() == brood::StartMethod::fork) GTEST_SKIP() << "a forked child has all of the caller's";
  const std::string seen = answer_of(options(), [] { return descriptors(); });
  std::istringstream lines(seen);
  int memory = 0, line = 0, others = 0, standard = 0;
  for (std::string one; std::getline(lines, one);) {
    const std::string target = one.substr(one.find('=') + 1);
    if (std::stoi(one) <= 2)
      ++standard;
    else if (target.find("memfd:brood arena") != std::string::npos)
      ++memory;
    else if (target.starts_with("pipe:"))
      ++line;
    else if (target.find("/answer") == std::string::npos && !target.starts_with("/proc/"))
      ++others;
  }
  EXPECT_EQ(standard, 3) << seen;
  EXPECT_LE(memory, 1) << seen;
  EXPECT_EQ(line, 1) << seen;
  EXPECT_EQ(others, 0) << seen;
}

// P22
TEST_P(Surroundings, descriptors_of_a_child_do_not_grow_with_its_siblings) {
  if (GetParam() == brood::StartMethod::fork) GTEST_SKIP() << "a forked child has all of the caller's";
  const auto count = [] { return std::ranges::count(descriptors(), '\n'); };
  const std::string alone = answer_of(options(), count);
  std::vector<std::unique_ptr<Waiting>> siblings;
  for (int i = 0; i < 8; ++i) {
    siblings.push_back(std::make_unique<Waiting>(options()));
    siblings.back()->start();
    static_cast<void>(siblings.back()->process.sentinel());
  }
  EXPECT_EQ(answer_of(options(), count), alone);
}

TEST_P(Surroundings, starting_and_ending_processes_leaves_no_descriptor_open) {
  exit_code_of(options(), [] {});
  const std::string before = descriptors();
  for (int i = 0; i < 20; ++i) {
    brood::Process process(options(), [] {});
    process.start();
    static_cast<void>(process.is_alive());
    process.join();
  }
  EXPECT_EQ(descriptors(), before);
}

// P39 in part
TEST_P(Surroundings, stdin_is_empty) {
  EXPECT_EQ(answer_of(options(),
                      [] {
                        const std::string target = std::filesystem::read_symlink("/proc/self/fd/0");
                        char byte;
                        return target + " " + std::to_string(read(0, &byte, 1)) + " " +
                               std::to_string(getchar());
                      }),
            "/dev/null 0 -1");
}

// ---- signals ----

std::string signal_state() {
  sigset_t mask;
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  std::ostringstream out;
  for (int s = 1; s < 32; ++s) {
    struct sigaction action {};
    sigaction(s, nullptr, &action);
    if (sigismember(&mask, s) == 1) out << s << " blocked;";
    if (action.sa_handler == SIG_IGN) out << s << " ignored;";
    // These tell where a crash was, or who waits for what, and then end the process as ever.
    const bool tells =
        s == SIGSEGV || s == SIGBUS || s == SIGILL || s == SIGFPE || s == SIGABRT || s == SIGQUIT;
    if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN && !tells) out << s << " handled;";
  }
  return out.str();
}

TEST_P(Surroundings, signals_are_unblocked_and_at_their_defaults) {
  // On a terminal, children have handlers by which they share it: tests/terminal_test.cpp.
  const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY);
  if (terminal >= 0) close(terminal);
  const std::string expected = terminal >= 0 ? "2 handled;21 handled;22 handled;" : "";
  sigset_t some, before;
  sigemptyset(&some);
  sigaddset(&some, SIGTERM);
  sigaddset(&some, SIGUSR2);
  sigprocmask(SIG_BLOCK, &some, &before);
  struct sigaction ignored {};
  struct sigaction handled {};
  struct sigaction usr1 {};
  struct sigaction pipe {};
  ignored.sa_handler = SIG_IGN;
  handled.sa_handler = [](int) {};
  sigaction(SIGPIPE, &ignored, &pipe);
  sigaction(SIGUSR1, &handled, &usr1);
  EXPECT_EQ(answer_of(options(), [] { return signal_state(); }), expected);
  sigaction(SIGPIPE, &pipe, nullptr);
  sigaction(SIGUSR1, &usr1, nullptr);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST_P(Surroundings, terminate_works_although_the_caller_blocks_SIGTERM) {
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  Waiting child(options());
  child.start();
  child.process.terminate();
  child.process.join();
  EXPECT_EQ(child.process.exitcode(), -SIGTERM);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

// P08: a recursive mutex knows its owner by the C library's own idea of the thread's id.
TEST_P(Surroundings, the_main_thread_of_a_child_has_its_own_thread_id) {
  EXPECT_EQ(answer_of(options(),
                      [] {
                        pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
                        pthread_mutex_lock(&mutex);
                        return gettid() == getpid() && mutex.__data.__owner == gettid();
                      }),
            "1");
}

TEST_P(Surroundings, a_child_leads_a_process_group_of_its_own) {
  EXPECT_EQ(answer_of(options(), [] { return getpgrp() == getpid(); }), "1");
}

}  // namespace surroundings
