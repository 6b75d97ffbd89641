// What cannot work is an error that says what to do instead.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <brood/init.hpp>
#include <sstream>

#include "child_support.hpp"
#include "what_it_threw.hpp"

namespace {

using namespace child_support;
using namespace std::chrono_literals;

#define EXPECT_USAGE(call, says)                                                                          \
  do {                                                                                                    \
    const std::string text = what_it_threw::text_of<brood::UsageError>([&] { static_cast<void>(call); }); \
    EXPECT_NE(text.find(says), std::string::npos) << #call " said: '" << text << "'";                     \
  } while (false)

class Misuse : public EachMethod {};
BROOD_EACH_METHOD(Misuse);

TEST_P(Misuse, start_twice_is_refused) {
  Waiting child(options());
  child.start();
  EXPECT_USAGE(child.process.start(), "make a new Process");
  EXPECT_TRUE(child.process.is_alive());
  child.let_end();
  child.process.join();
  EXPECT_USAGE(child.process.start(), "make a new Process");
  EXPECT_EQ(child.process.exitcode(), 0);
}

TEST_P(Misuse, join_and_signals_before_start_are_refused) {
  brood::Process process(options(), [] {});
  EXPECT_USAGE(process.join(), "call start() first");
  EXPECT_USAGE(process.join(0s), "call start() first");
  EXPECT_USAGE(process.terminate(), "call start() first");
  EXPECT_USAGE(process.kill(), "call start() first");
  EXPECT_USAGE(process.interrupt(), "call start() first");
  EXPECT_USAGE(process.sentinel(), "call start() first");
  process.start();
  EXPECT_TRUE(process.join());
}

TEST_P(Misuse, daemon_after_start_is_refused) {
  Waiting child(options());
  child.process.set_daemon(true);
  EXPECT_TRUE(child.process.daemon());
  child.start();
  EXPECT_USAGE(child.process.set_daemon(false), "set it before start()");
  EXPECT_TRUE(child.process.daemon());
}

TEST(MisuseAlone, of_the_current_process_is_refused) {
  auto self = brood::current_process();
  EXPECT_USAGE(self.join(), "cannot join itself");
  EXPECT_USAGE(self.join(0s), "cannot join itself");
  EXPECT_USAGE(self.terminate(), "itself");
  EXPECT_USAGE(self.kill(), "itself");
  EXPECT_USAGE(self.start(), "make a new Process");
}

TEST_P(Misuse, of_the_current_process_is_refused_in_a_child) {
  EXPECT_EQ(answer_of(options(),
                      [] {
                        auto self = brood::current_process();
                        int refused = 0;
                        try {
                          self.join();
                        } catch (const brood::UsageError&) {
                          ++refused;
                        }
                        try {
                          self.kill();
                        } catch (const brood::UsageError&) {
                          ++refused;
                        }
                        return refused;
                      }),
            "2");
}

TEST_P(Misuse, signalling_the_parent_is_refused) {
  EXPECT_EQ(answer_of(options(),
                      [] {
                        try {
                          brood::parent_process()->terminate();
                          return "signalled";
                        } catch (const brood::UsageError&) {
                          return "refused";
                        }
                      }),
            "refused");
}

// Somebody else's: a forked child has its parent's handles in its memory.
TEST_P(Misuse, of_somebody_elses_process_is_refused) {
  Waiting sibling(options());
  sibling.start();
  const Folder folder;
  brood::Process other(brood::forked, [&] {
    std::ofstream out(folder / "refused");
    const auto attempt = [&](auto f) {
      try {
        f();
        out << "allowed;";
      } catch (const brood::UsageError& e) {
        out << (std::string(e.what()).find("was made by process") != std::string::npos ? "refused;"
                                                                                       : e.what());
      }
    };
    attempt([&] { sibling.process.join(); });
    attempt([&] { sibling.process.join(0s); });
    attempt([&] { sibling.process.is_alive(); });
    attempt([&] { sibling.process.terminate(); });
    attempt([&] { sibling.process.sentinel(); });
    attempt([&] { static_cast<void>(sibling.process.exitcode()); });
    out << sibling.process.name();
  });
  other.start();
  other.join();
  EXPECT_EQ(other.exitcode(), 0);
  EXPECT_EQ(text_of(folder / "refused"),
            "refused;refused;refused;refused;refused;refused;" + sibling.process.name());
  EXPECT_TRUE(sibling.process.is_alive());
}

TEST_P(Misuse, starting_somebody_elses_process_is_refused) {
  brood::Process fresh(options(), [] {});
  const Folder folder;
  brood::Process other(brood::forked, [&] {
    std::ofstream(folder / "text") << what_it_threw::text_of<brood::UsageError>([&] { fresh.start(); });
  });
  other.start();
  other.join();
  EXPECT_NE(text_of(folder / "text").find("was made by process " + std::to_string(getpid())),
            std::string::npos)
      << text_of(folder / "text");
}

TEST(MisuseAlone, after_the_users_own_fork_every_call_is_refused) {
  Waiting child;
  child.start();
  brood::Process fresh([] {});
  const Folder folder;
  const pid_t pid = fork();
  if (pid == 0) {
    std::ofstream out(folder / "refused");
    const auto attempt = [&](auto f) {
      try {
        f();
        out << "allowed;";
      } catch (const brood::UsageError& e) {
        out << (std::string(e.what()).find("made by fork()") != std::string::npos ? "refused;" : e.what());
      }
    };
    attempt([&] { fresh.start(); });
    attempt([&] { child.process.join(); });
    attempt([&] { child.process.kill(); });
    attempt([] { brood::Process p([] {}); });
    attempt([] { brood::current_process(); });
    attempt([] { brood::parent_process(); });
    attempt([] { brood::active_children(); });
    attempt([] { brood::at_exit([] {}); });
    attempt([] { brood::renew_server(); });
    attempt([] { brood::init(0, nullptr); });
    out.close();
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  std::string expected;
  for (int i = 0; i < 10; ++i) expected += "refused;";
  EXPECT_EQ(text_of(folder / "refused"), expected);
  EXPECT_TRUE(child.process.is_alive());
}

TEST(MisuseAlone, of_a_handle_that_was_moved_from_is_refused) {
  brood::Process first([] {});
  brood::Process second(std::move(first));
  EXPECT_USAGE(first.start(), "moved from");  // NOLINT(bugprone-use-after-move)
  EXPECT_USAGE(first.to_string(), "moved from");
  EXPECT_NO_THROW(static_cast<void>(first.name()));
}

TEST(MisuseAlone, init_again_does_nothing) {
  brood::init(0, nullptr);
  EXPECT_EQ(exit_code_of({}, [] {}), 0);
}

}  // namespace
