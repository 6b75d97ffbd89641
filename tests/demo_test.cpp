// The demo (scripts/demo.sh): what it shows first, and that it leaves nothing behind, whatever ends it.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "on_terminal.hpp"

namespace {

namespace fs = std::filesystem;

/// The demo on a controlling terminal of its own, with a folder for its temporary files.
class DemoAtWork {
 public:
  DemoAtWork()
      : demo_({"/usr/bin/env", "TMPDIR=" + folder_.native(), "setsid", "--ctty", "bash", BROOD_DEMO,
               BROOD_BUILD, "5"},
              200) {}
  ~DemoAtWork() { fs::remove_all(folder_); }

  run_program::OnTerminal& operator*() { return demo_; }
  run_program::OnTerminal* operator->() { return &demo_; }

  bool has_files() const { return !fs::is_empty(folder_); }
  bool leaves_nothing() const {
    for (const auto until = Clock::now() + std::chrono::seconds(60); has_files();
         std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
      if (Clock::now() > until) return false;
    }
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static fs::path new_folder() {
    std::string name = fs::temp_directory_path() / "demo-test.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return name;
  }
  fs::path folder_ = new_folder();
  run_program::OnTerminal demo_;
};

TEST(Demo, begins_with_work_that_a_pool_shares_out_and_ends_with_the_copy) {
  DemoAtWork demo;
  EXPECT_TRUE(demo->shows("at most 300 MB of disk space, in ")) << demo->screen();
  EXPECT_TRUE(demo->shows("work for the processor")) << demo->screen();
  EXPECT_TRUE(demo->shows("pool of 1")) << demo->screen();
  EXPECT_TRUE(demo->shows("equal: ")) << "sha256sum finds other sums: " << demo->screen();
  EXPECT_TRUE(demo->shows("was killed by SIGSEGV")) << demo->screen();
  EXPECT_TRUE(demo->shows("brood copy --compare")) << demo->screen();
  EXPECT_TRUE(demo->shows("MB together")) << demo->screen();
  EXPECT_TRUE(demo->shows("equal: ")) << "diff finds differences: " << demo->screen();
  EXPECT_EQ(demo->wait(), 0) << demo->screen();
  EXPECT_TRUE(demo.leaves_nothing());
}

enum class End { hang_up, interrupt, terminate };
class DemoEnd : public testing::TestWithParam<std::tuple<End, const char*>> {};

TEST_P(DemoEnd, leaves_nothing_behind) {
  const auto [end, moment] = GetParam();
  DemoAtWork demo;
  ASSERT_TRUE(demo->shows(moment)) << demo->screen();
  ASSERT_TRUE(demo.has_files());
  int code = 0;
  switch (end) {
    case End::hang_up:
      demo->hang_up();
      break;
    case End::interrupt:
      demo->type("\x03");
      code = 130;
      break;
    case End::terminate:
      kill(demo->pid(), SIGTERM);
      code = 143;
      break;
  }
  const int ended = demo->wait();
  // Who writes to a terminal that is gone may fail before the signal comes.
  if (end == End::hang_up)
    EXPECT_TRUE(ended == 129 || ended == 1) << ended;
  else
    EXPECT_EQ(ended, code) << demo->screen();
  EXPECT_TRUE(demo.leaves_nothing());
}

INSTANTIATE_TEST_SUITE_P(, DemoEnd,
                         testing::Combine(testing::Values(End::hang_up, End::interrupt, End::terminate),
                                          testing::Values("SHA-256 of", "MB together)")));

}  // namespace
