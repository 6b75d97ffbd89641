// A part that one plays at a time: never two, and nothing that was left for the player stays unseen.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "sync/role.hpp"

using namespace std::chrono_literals;

namespace {

TEST(RoleBetweenThreads, one_plays_it_and_what_is_left_is_seen) {
  constexpr int threads = 4, rounds = 20'000;
  brood::sync::Role role;
  std::atomic<int> left{0};
  long done = 0;  // of the player
  std::atomic<int> players{0}, too_many{0};
  const auto play = [&](auto enter) {
    if (!enter()) return;
    do {
      if (++players != 1) ++too_many;
      done += left.exchange(0);
      --players;
      role.leave();
    } while (left.load() != 0 && role.try_enter());
  };
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        ++left;
        if (t == 0 && i % 16 == 0)
          play([&] { return role.enter(); });
        else
          play([&] { return role.try_enter(); });
      }
    });
  }
  for (auto& thread : all) thread.join();
  EXPECT_EQ(too_many, 0);
  EXPECT_EQ(left, 0);
  EXPECT_EQ(done, threads * rounds);
}

TEST(RoleBetweenThreads, is_waited_for_as_long_as_one_likes) {
  brood::sync::Role role;
  ASSERT_TRUE(role.enter());
  EXPECT_TRUE(role.is_mine());
  std::thread other([&] {
    EXPECT_FALSE(role.is_mine());
    EXPECT_FALSE(role.enter(brood::detail::Deadline::in(10ms)));
    EXPECT_FALSE(role.enter(brood::detail::Deadline::now()));
    EXPECT_TRUE(role.enter(brood::detail::Deadline::in(60s)));
    role.leave();
  });
  std::this_thread::sleep_for(30ms);
  role.leave();
  other.join();
  EXPECT_FALSE(role.is_mine());
  EXPECT_TRUE(role.try_enter());
}

}  // namespace
