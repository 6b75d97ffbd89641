// What a handle gives beside the process itself: a descriptor to poll, and its end by close.

#include <gtest/gtest.h>
#include <poll.h>

#include <sstream>

#include "child_support.hpp"

namespace {

using namespace child_support;

class ProcessHandle : public EachMethod {};
BROOD_EACH_METHOD(ProcessHandle);

bool readable(int fd, int wait_ms) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, wait_ms) == 1;
}

// P17
TEST_P(ProcessHandle, sentinel_polls_readable_when_it_has_ended) {
  Waiting child(options());
  EXPECT_THROW(child.process.sentinel(), brood::UsageError);
  child.start();
  const int sentinel = child.process.sentinel();
  EXPECT_EQ(child.process.sentinel(), sentinel);
  EXPECT_FALSE(readable(sentinel, 0));
  child.let_end();
  EXPECT_TRUE(readable(sentinel, patience_ms));
  child.process.join();
  EXPECT_TRUE(readable(child.process.sentinel(), 0));
}

// A short process may have ended before its parent asks.
TEST_P(ProcessHandle, sentinel_that_is_asked_for_after_the_end_is_readable_too) {
  brood::Process process(options(), [] {});
  process.start();
  process.join();
  EXPECT_TRUE(readable(process.sentinel(), 0));
}

TEST_P(ProcessHandle, sentinels_of_several_tell_which_has_ended) {
  Waiting first(options()), second(options());
  first.start();
  second.start();
  second.let_end();
  pollfd both[] = {{first.process.sentinel(), POLLIN, 0}, {second.process.sentinel(), POLLIN, 0}};
  ASSERT_EQ(poll(both, 2, patience_ms), 1);
  EXPECT_EQ(both[0].revents, 0);
  EXPECT_TRUE(both[1].revents & POLLIN);
}

// ---- close ----

// P18
TEST_P(ProcessHandle, close_leaves_only_the_name) {
  Waiting child(options());
  child.start();
  EXPECT_THROW(child.process.close(), brood::UsageError);
  const int sentinel = child.process.sentinel();
  child.let_end();
  child.process.join();
  const std::string name = child.process.name();
  child.process.close();
  EXPECT_EQ(fcntl(sentinel, F_GETFD), -1);
  EXPECT_EQ(child.process.name(), name);
  EXPECT_THROW(child.process.is_alive(), brood::UsageError);
  EXPECT_THROW(child.process.join(), brood::UsageError);
  EXPECT_THROW(child.process.terminate(), brood::UsageError);
  EXPECT_THROW(static_cast<void>(child.process.exitcode()), brood::UsageError);
  EXPECT_THROW(static_cast<void>(child.process.pid()), brood::UsageError);
  EXPECT_THROW(static_cast<void>(child.process.daemon()), brood::UsageError);
  EXPECT_THROW(child.process.sentinel(), brood::UsageError);
  EXPECT_THROW(child.process.start(), brood::UsageError);
  child.process.close();
}

TEST(ProcessHandleAlone, of_one_that_was_never_started_is_fine) {
  brood::Process process([] {});
  process.close();
  process.close();
  EXPECT_THROW(process.start(), brood::UsageError);
}

// ---- in words ----

TEST_P(ProcessHandle, prints_class_name_pid_parent_state_and_exit_code) {
  auto o = options();
  o.name = "weather";
  o.daemon = true;
  Waiting child(o);
  const std::string above = " parent=" + std::to_string(getpid());
  const auto shown = [&] {
    std::ostringstream out;
    out << child.process;
    EXPECT_EQ(out.str(), child.process.to_string());
    return out.str();
  };
  EXPECT_EQ(shown(), "<brood::Process name='weather'" + above + " initial daemon>");
  child.start();
  const std::string pid = " pid=" + std::to_string(*child.process.pid());
  EXPECT_EQ(shown(), "<brood::Process name='weather'" + pid + above + " started daemon>");
  child.let_end();
  child.process.join();
  EXPECT_EQ(shown(), "<brood::Process name='weather'" + pid + above + " stopped exitcode=0 daemon>");
}

TEST_P(ProcessHandle, prints_the_signal_that_ended_it) {
  Waiting child(options());
  child.start();
  child.process.kill();
  child.process.join();
  EXPECT_TRUE(child.process.to_string().ends_with(" stopped exitcode=-SIGKILL>"))
      << child.process.to_string();
}

}  // namespace
