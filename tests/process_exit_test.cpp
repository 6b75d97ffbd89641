// at_exit, SIGCHLD, and what an exit of a child does to others.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <brood/init.hpp>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "child_support.hpp"

namespace {

using namespace child_support;

class Exit : public EachMethod {};
BROOD_EACH_METHOD(Exit);

void note(const std::string& file, const std::string& word) {
  std::ofstream(file, std::ios::app) << word << ";";
}

// P35, S09
TEST_P(Exit, handlers_run_at_the_end_of_a_child_the_last_registered_first) {
  for (const bool by_exit : {false, true}) {
    const Folder folder;
    brood::Process process(
        options(),
        [](std::string file, bool leave) {
          brood::at_exit([file] { note(file, "first"); });
          brood::at_exit([file] {
            note(file, "second");
            brood::at_exit([file] { note(file, "late"); });
          });
          note(file, "body");
          if (leave) std::exit(3);
        },
        folder / "notes", by_exit);
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), by_exit ? 3 : 0);
    EXPECT_EQ(text_of(folder / "notes"), "body;second;late;first;");
  }
}

// P35
TEST_P(Exit, handlers_of_the_parent_do_not_run_in_a_child) {
  const Folder folder;
  const std::string file = folder / "notes";
  static std::string* target = nullptr;  // in a forked child too, had it inherited the handlers
  std::string here = file;
  target = &here;
  static const bool registered = [] {
    brood::at_exit([] {
      if (target != nullptr) note(*target, "handler of the parent");
    });
    std::atexit([] {
      if (target != nullptr) note(*target, "atexit of the parent");
    });
    return true;
  }();
  ASSERT_TRUE(registered);
  brood::Process process(
      options(), [](std::string f) { note(f, "body"); }, file);
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(text_of(file), "body;");
  target = nullptr;
}

TEST_P(Exit, a_handler_that_throws_does_not_stop_the_others) {
  const Folder folder;
  brood::Process process(
      options(),
      [](std::string file) {
        std::freopen("/dev/null", "w", stderr);
        brood::at_exit([file] { note(file, "first"); });
        brood::at_exit([] { throw std::runtime_error("no"); });
        brood::at_exit([] { throw 1; });
        brood::at_exit([file] { note(file, "last"); });
      },
      folder / "notes");
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(text_of(folder / "notes"), "last;first;");
}

TEST_P(Exit, handlers_may_use_brood) {
  const Folder folder;
  brood::Process process(
      options(),
      [](std::string file) {
        brood::at_exit([file] {
          brood::Process child(note, file, "child");
          child.start();
          child.join();
          note(file, brood::current_process().name());
        });
      },
      folder / "notes");
  process.start();
  process.join();
  EXPECT_EQ(text_of(folder / "notes"), "child;" + process.name() + ";");
}

TEST_P(Exit, a_child_joins_its_own_children_before_it_ends) {
  const Folder folder;
  const Gate gate;
  brood::Process parent(
      options(),
      [](std::string file, std::string path) {
        brood::Process child(
            [](std::string f, std::string p) {
              Gate::pass(p);
              note(f, "child");
            },
            file, path);
        child.start();
        note(file, "parent");
      },
      folder / "notes", gate.path());
  parent.start();
  EXPECT_FALSE(parent.join(std::chrono::milliseconds(50)));
  gate.open();
  parent.join();
  EXPECT_EQ(parent.exitcode(), 0);
  EXPECT_EQ(text_of(folder / "notes"), "parent;child;");
}

// ---- SIGCHLD ----

volatile std::sig_atomic_t child_signals = 0;

class ChildSignals {
 public:
  explicit ChildSignals(void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    sigaction(SIGCHLD, &action, &before_);
    child_signals = 0;
  }
  ~ChildSignals() { sigaction(SIGCHLD, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

// R10
TEST_P(Exit, of_a_child_does_not_call_the_programs_SIGCHLD_handler_but_by_fork) {
  const ChildSignals counting([](int) { child_signals = child_signals + 1; });
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(exit_code_of(
                  options(), [](int code) { _exit(code); }, i),
              i);
  EXPECT_EQ(child_signals > 0, GetParam() == brood::StartMethod::fork);
}

TEST_P(Exit, of_a_child_is_not_seen_by_waitpid_but_by_fork) {
  Waiting child(options());
  child.start();
  const int sentinel = child.process.sentinel();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), GetParam() == brood::StartMethod::fork ? 0 : -1);
  child.let_end();
  pollfd p{sentinel, POLLIN, 0};
  ASSERT_EQ(poll(&p, 1, patience_ms), 1);
  if (GetParam() == brood::StartMethod::fork) return;
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  child.process.join();
  EXPECT_EQ(child.process.exitcode(), 0);
}

// A process makes its server at its first start; that is not the program's business either.
TEST_P(Exit, of_helpers_of_a_first_start_does_not_call_a_SIGCHLD_handler) {
  EXPECT_EQ(exit_code_of(options(),
                         [] {
                           std::signal(SIGCHLD, [](int) { child_signals = child_signals + 1; });
                           child_signals = 0;
                           brood::Process child([] {});
                           child.start();
                           child.join();
                           std::exit(child.exitcode() == 0 ? static_cast<int>(child_signals) : 100);
                         }),
            0);
}

TEST_P(Exit, of_the_programs_own_children_is_left_to_the_program) {
  Waiting other(options());
  other.start();
  const pid_t own = fork();
  if (own == 0) _exit(11);
  EXPECT_EQ(exit_code_of(options(), [] {}), 0);
  brood::active_children();
  other.process.join(std::chrono::milliseconds(1));
  int status = 0;
  EXPECT_EQ(waitpid(own, &status, 0), own);
  EXPECT_EQ(WEXITSTATUS(status), 11);
}

TEST_P(Exit, is_known_although_the_program_ignores_SIGCHLD) {
  const ChildSignals ignored(SIG_IGN);
  Waiting child(options());
  child.start();
  child.let_end();
  EXPECT_TRUE(child.process.join());
  EXPECT_FALSE(child.process.is_alive());
  if (GetParam() == brood::StartMethod::fork)
    EXPECT_THROW(static_cast<void>(child.process.exitcode()), brood::StatusUnknown);  // the kernel drops it
  else
    EXPECT_EQ(child.process.exitcode(), 0);
}

TEST_P(Exit, of_a_killed_child_is_known_although_the_program_ignores_SIGCHLD) {
  if (GetParam() == brood::StartMethod::fork) GTEST_SKIP() << "the kernel drops the status of a forked child";
  const ChildSignals ignored(SIG_IGN);
  Waiting child(options());
  child.start();
  child.process.kill();
  child.process.join();
  EXPECT_EQ(child.process.exitcode(), -SIGKILL);
}

TEST_P(Exit, is_known_when_the_task_starts_programs_and_waits_for_any_child) {
  EXPECT_EQ(exit_code_of(options(),
                         [] {
                           const pid_t own = fork();
                           if (own == 0) _exit(1);
                           int status = 0;
                           while (waitpid(-1, &status, 0) > 0) {
                           }
                           std::exit(std::system("exit 5") == 5 << 8 ? 9 : 1);
                         }),
            9);
}

TEST_P(Exit, code_of_another_program_that_a_task_became_is_known) {
  EXPECT_EQ(exit_code_of(options(), [] { execl("/bin/sh", "sh", "-c", "exit 7", nullptr); }), 7);
  EXPECT_EQ(exit_code_of(options(), [] { execl("/bin/sh", "sh", "-c", "kill -9 $$", nullptr); }), -SIGKILL);
}

TEST_P(Exit, may_be_called_by_any_thread_and_beside_others) {
  EXPECT_EQ(exit_code_of(options(), [] { std::thread([] { std::exit(7); }).join(); }), 7);
  EXPECT_EQ(exit_code_of(options(),
                         [] {
                           std::thread([] {
                             for (;;) pause();
                           }).detach();
                         }),
            0);
}

// A task that forks and returns twice: the copy is not the process.
TEST_P(Exit, of_a_copy_that_a_task_forked_is_not_its_own) {
  const Folder folder;
  brood::Process process(
      options(),
      [](std::string file) {
        brood::at_exit([file] { note(file, "handler"); });
        const pid_t copy = fork();
        if (copy > 0) waitpid(copy, nullptr, 0);
      },
      folder / "notes");
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(text_of(folder / "notes"), "handler;");
}

}  // namespace
