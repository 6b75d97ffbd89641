// The counting begins before brood::init, so that it covers the processes which that starts.

#include <gtest/gtest.h>
#include <unistd.h>

#include <brood/init.hpp>

#include "counted.hpp"

const counting::Counter& system_calls() {
  static const counting::Counter all(counting::What::system_calls, counting::Whose::family);
  return all;
}

namespace {

// No test may hang: the alarm ends the program, and with it all its children.
class Watchdog : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { alarm(100); }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }
};

}  // namespace

int main(int argc, char** argv) {
  system_calls();
  brood::init(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new Watchdog);
  return RUN_ALL_TESTS();
}
