// The counting begins before brood::init, so that it covers the processes which that starts.

#include <gtest/gtest.h>

#include <brood/init.hpp>

#include "counted.hpp"
#include "watchdog.hpp"

const counting::Counter& system_calls() {
  static const counting::Counter all(counting::What::system_calls, counting::Whose::family);
  return all;
}

int main(int argc, char** argv) {
  system_calls();
  brood::init(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new Watchdog);
  return RUN_ALL_TESTS();
}
