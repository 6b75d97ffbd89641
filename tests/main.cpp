// brood::init comes before anything else, GoogleTest included: its first line is the program's.

#include <gtest/gtest.h>

#include <brood/init.hpp>

#include "watchdog.hpp"

int main(int argc, char** argv) {
  brood::init(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new Watchdog);
  return RUN_ALL_TESTS();
}
