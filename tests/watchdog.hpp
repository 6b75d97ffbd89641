#pragma once
// No test may hang: the alarm ends the program, and with it all its children.

#include <gtest/gtest.h>
#include <unistd.h>

class Watchdog : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { alarm(100); }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }
};
