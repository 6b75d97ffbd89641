// brood::init comes before anything else, GoogleTest included: its first line is the program's.

#include <gtest/gtest.h>
#include <unistd.h>

#include <brood/init.hpp>

namespace {

// No test may hang: the alarm ends the program, and with it all its children.
class Watchdog : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { alarm(100); }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }
};

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new Watchdog);
  return RUN_ALL_TESTS();
}
