#pragma once
// No test may hang: the alarm ends the program, and with it all its children.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

class Watchdog : public testing::EmptyTestEventListener {
 public:
  Watchdog() {
    struct sigaction action {};
    action.sa_handler = [](int number) {
      if (getpid() == program_) static_cast<void>(write(STDERR_FILENO, message_.data(), size_));
      raise(number);
    };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigaction(SIGALRM, &action, nullptr);
  }

 private:
  static constexpr unsigned seconds = 100;

  void OnTestStart(const testing::TestInfo& test) override {
    const auto text = std::string(test.test_suite_name()) + "." + test.name() + " has taken " +
                      std::to_string(seconds) + " s: ended by its watchdog\n";
    size_ = std::min(text.size(), message_.size());
    std::copy_n(text.data(), size_, message_.data());
    alarm(seconds);
  }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }

  static inline const pid_t program_ = getpid();  // a forked child has the handler too
  static inline std::array<char, 512> message_;
  static inline std::size_t size_ = 0;
};
