// How processes end, and how their parent learns it.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <thread>

#include "child_support.hpp"

namespace {

using namespace child_support;
using namespace std::chrono_literals;

class ProcessEnd : public EachMethod {};
BROOD_EACH_METHOD(ProcessEnd);

bool readable(int fd, int wait_ms) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, wait_ms) == 1;
}

// ---- exit codes ----

TEST_P(ProcessEnd, exit_code_is_what_exit_was_given) {
  for (const int code : {0, 1, 7, 255}) {
    EXPECT_EQ(exit_code_of(
                  options(), [](int c) { std::exit(c); }, code),
              code);
  }
  EXPECT_EQ(exit_code_of(options(), [] { _exit(9); }), 9);
  EXPECT_EQ(exit_code_of(options(), [] { std::quick_exit(10); }), 10);
}

// Python: 300 becomes 44 and 256 success.
TEST_P(ProcessEnd, exit_code_that_no_byte_holds_is_never_success) {
  for (const int code : {256, 300, -1, 512}) {
    EXPECT_EQ(exit_code_of(
                  options(),
                  [](int c) {
                    std::freopen("/dev/null", "w", stderr);
                    std::exit(c);
                  },
                  code),
              255)
        << code;
  }
}

TEST_P(ProcessEnd, exit_code_is_minus_the_signal_that_ended_it) {
  for (const int signal : {SIGTERM, SIGKILL, SIGINT, SIGSEGV, SIGUSR1, SIGPIPE, SIGALRM}) {
    EXPECT_EQ(exit_code_of(
                  options(),
                  [](int s) {
                    std::signal(s, SIG_DFL);
                    raise(s);
                  },
                  signal),
              -signal);
  }
}

TEST_P(ProcessEnd, exit_code_of_abort_is_minus_SIGABRT) {
  EXPECT_EQ(exit_code_of(options(), [] { std::abort(); }), -SIGABRT);
}

TEST_P(ProcessEnd, exit_code_of_an_uncaught_exception_is_1) {
  const auto silent = [] { std::freopen("/dev/null", "w", stderr); };
  EXPECT_EQ(exit_code_of(options(),
                         [] {
                           decltype(silent){}();
                           throw std::runtime_error("no");
                         }),
            1);
  EXPECT_EQ(exit_code_of(options(),
                         [] {
                           decltype(silent){}();
                           throw 42;
                         }),
            1);
}

// P01 for what is asked before, while and after
TEST_P(ProcessEnd, exit_code_is_nothing_before_the_end) {
  Waiting child(options());
  EXPECT_EQ(child.process.exitcode(), std::nullopt);
  EXPECT_EQ(child.process.pid(), std::nullopt);
  EXPECT_FALSE(child.process.is_alive());
  child.start();
  EXPECT_EQ(child.process.exitcode(), std::nullopt);
  EXPECT_GT(child.process.pid(), 0);
  EXPECT_TRUE(child.process.is_alive());
  child.let_end();
  EXPECT_TRUE(child.process.join());
  EXPECT_EQ(child.process.exitcode(), 0);
  EXPECT_FALSE(child.process.is_alive());
  EXPECT_GT(child.process.pid(), 0);
}

TEST_P(ProcessEnd, is_noticed_without_join) {
  Waiting child(options());
  child.start();
  const int sentinel = child.process.sentinel();
  child.let_end();
  ASSERT_TRUE(readable(sentinel, patience_ms));
  EXPECT_FALSE(child.process.is_alive());
  EXPECT_EQ(child.process.exitcode(), 0);
}

// ---- join ----

// P09
TEST_P(ProcessEnd, join_with_no_time_returns_at_once_while_the_child_runs) {
  Waiting child(options());
  child.start();
  EXPECT_FALSE(child.process.join(0s));
  EXPECT_FALSE(child.process.join(-1s));
  EXPECT_FALSE(child.process.join(std::chrono::duration<double>(-1e300)));
  EXPECT_FALSE(child.process.join(1ms));
  EXPECT_TRUE(child.process.is_alive());
  child.let_end();
  EXPECT_TRUE(child.process.join(1h));
  EXPECT_EQ(child.process.exitcode(), 0);
}

TEST_P(ProcessEnd, join_takes_times_too_long_for_any_clock) {
  brood::Process process(options(), [] {});
  process.start();
  EXPECT_TRUE(process.join(std::chrono::hours::max()));
  EXPECT_TRUE(process.join(std::chrono::duration<double>(HUGE_VAL)));
}

TEST_P(ProcessEnd, join_may_be_repeated) {
  brood::Process process(options(), [] { std::exit(3); });
  process.start();
  EXPECT_TRUE(process.join());
  EXPECT_TRUE(process.join());
  EXPECT_TRUE(process.join(0s));
  EXPECT_TRUE(process.join(-1s));
  EXPECT_EQ(process.exitcode(), 3);
  EXPECT_EQ(process.exitcode(), 3);
}

// P34
TEST_P(ProcessEnd, join_goes_on_when_a_signal_handler_interrupts_it) {
  static volatile std::sig_atomic_t handled = 0;
  handled = 0;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { handled = handled + 1; };  // without SA_RESTART
  sigaction(SIGUSR1, &action, &before);
  for (const bool limited : {false, true}) {
    Waiting child(options());
    child.start();
    handled = 0;
    const auto joiner = pthread_self();
    std::thread other([&] {
      for (int i = 0; i < 20; ++i) {
        pthread_kill(joiner, SIGUSR1);
        std::this_thread::yield();
      }
      child.let_end();
    });
    EXPECT_TRUE(limited ? child.process.join(1h) : child.process.join());
    other.join();
    EXPECT_GT(handled, 0);
    EXPECT_EQ(child.process.exitcode(), 0);
  }
  sigaction(SIGUSR1, &before, nullptr);
}

// ---- signals ----

// P10
TEST_P(ProcessEnd, terminate_ends_it_by_SIGTERM) {
  Waiting child(options());
  child.start();
  child.process.terminate();
  EXPECT_TRUE(child.process.join());
  EXPECT_EQ(child.process.exitcode(), -SIGTERM);
  for (const auto& other : brood::active_children()) EXPECT_NE(other.name(), child.process.name());
  EXPECT_TRUE(child.process.join());
  child.process.terminate();  // of one that has ended: nothing
  child.process.kill();
  EXPECT_EQ(child.process.exitcode(), -SIGTERM);
}

TEST_P(ProcessEnd, kill_ends_it_by_SIGKILL) {
  Waiting child(options());
  child.start();
  child.process.kill();
  child.process.join();
  EXPECT_EQ(child.process.exitcode(), -SIGKILL);
}

// P13
TEST_P(ProcessEnd, interrupt_ends_it_by_SIGINT) {
  Waiting child(options());
  child.start();
  child.process.interrupt();
  child.process.join();
  EXPECT_EQ(child.process.exitcode(), -SIGINT);
}

TEST_P(ProcessEnd, kill_ends_also_what_ignores_SIGTERM) {
  const Gate begun, never;
  brood::Process process(
      options(),
      [](std::string a, std::string b) {
        std::signal(SIGTERM, SIG_IGN);
        open_then_wait(a, b);
      },
      begun.path(), never.path());
  process.start();
  ASSERT_TRUE(begun.pass());
  process.terminate();
  EXPECT_FALSE(process.join(10ms));
  process.kill();
  process.join();
  EXPECT_EQ(process.exitcode(), -SIGKILL);
}

// A signal may arrive in any state of a birth; none is lost.
TEST_P(ProcessEnd, signals_right_after_start_are_never_lost) {
  const Gate never;
  for (int round = 0; round < 20; ++round) {
    brood::Process a(
        options(), [](std::string path) { Gate::pass(path); }, never.path());
    brood::Process b(
        options(), [](std::string path) { Gate::pass(path); }, never.path());
    brood::Process c(
        options(), [](std::string path) { Gate::pass(path); }, never.path());
    a.start();
    a.terminate();
    b.start();
    b.kill();
    c.start();
    c.interrupt();
    a.join();
    b.join();
    c.join();
    ASSERT_EQ(a.exitcode(), -SIGTERM) << round;
    ASSERT_EQ(b.exitcode(), -SIGKILL) << round;
    ASSERT_EQ(c.exitcode(), -SIGINT) << round;
  }
}

TEST_P(ProcessEnd, terminate_reaches_the_programs_that_it_started) {
  const Folder folder;
  const Gate begun;
  brood::Process process(
      options(),
      [](std::string file, std::string gate) {
        // The shell writes its pid, opens the gate, and becomes a program that would run for an hour.
        static_cast<void>(
            std::system(("echo $$ > " + file + "; echo > " + gate + "; exec sleep 3600").c_str()));
      },
      folder / "pid", begun.path());
  process.start();
  ASSERT_TRUE(begun.pass());
  process.terminate();
  process.join();
  EXPECT_TRUE(gone(std::stoi(text_of(folder / "pid"))));
}

TEST_P(ProcessEnd, takes_along_the_programs_that_it_left_behind) {
  const Folder folder;
  const Gate begun;
  brood::Process process(
      options(),
      [](std::string file, std::string gate) {
        static_cast<void>(std::system(("sleep 3600 & echo $! > " + file + "; echo > " + gate).c_str()));
      },
      folder / "pid", begun.path());
  process.start();
  ASSERT_TRUE(begun.pass());
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_TRUE(gone(std::stoi(text_of(folder / "pid"))));
}

// Python, gh-92881: is_alive stays true for ever.
TEST(ProcessStatus, that_somebody_else_has_reaped_is_known_with_its_status_unknown) {
  for (const auto method : {brood::StartMethod::forkserver, brood::StartMethod::fork}) {
    Waiting child({.method = method});
    auto& process = child.process;
    child.start();
    const auto pid = static_cast<id_t>(*process.pid());
    child.let_end();
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED | __WALL), 0);
    EXPECT_TRUE(process.join());
    EXPECT_FALSE(process.is_alive());
    EXPECT_THROW(static_cast<void>(process.exitcode()), brood::StatusUnknown);
    EXPECT_NE(process.to_string().find("unknown"), std::string::npos) << process.to_string();
  }
}

}  // namespace
