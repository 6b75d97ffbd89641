// Many processes, many threads, much data.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <thread>

#include "child_support.hpp"

namespace {

using namespace child_support;

class Storm : public EachMethod {};
BROOD_EACH_METHOD(Storm);

// P19
TEST_P(Storm, a_hundred_short_processes_all_end_with_0) {
  std::vector<brood::Process> all;
  for (int i = 0; i < 100; ++i) all.emplace_back(options(), [] {});
  for (auto& one : all) one.start();
  for (auto& one : all) one.join();
  for (auto& one : all) EXPECT_EQ(one.exitcode(), 0);
  EXPECT_TRUE(brood::active_children().empty());
}

TEST_P(Storm, each_of_a_hundred_keeps_its_own_exit_code) {
  std::vector<brood::Process> all;
  for (int i = 0; i < 100; ++i) {
    all.emplace_back(
        options(), [](int code) { _exit(code); }, i);
    all.back().start();
  }
  for (int i = 99; i >= 0; --i) {
    all[static_cast<std::size_t>(i)].join();
    EXPECT_EQ(all[static_cast<std::size_t>(i)].exitcode(), i);
  }
}

TEST(StormAlone, a_thousand_one_after_the_other_leave_nothing_behind) {
  for (int i = 0; i < 1000; ++i) {
    brood::Process process([] {});
    process.start();
    process.join();
    ASSERT_EQ(process.exitcode(), 0);
  }
  EXPECT_TRUE(brood::active_children().empty());
}

// More than the server has places for births.
TEST(StormAlone, four_hundred_may_be_born_before_any_is_asked_after) {
  std::vector<brood::Process> all;
  for (int i = 0; i < 400; ++i) {
    all.emplace_back([] {});
    all.back().start();
  }
  for (auto& one : all) {
    one.join();
    ASSERT_EQ(one.exitcode(), 0);
  }
}

// Keeps the locks of malloc and stdio busy from many threads while it lives.
class Hammering {
 public:
  Hammering() : file_(std::fopen("/dev/null", "w")) {
    for (int i = 0; i < 64; ++i) {
      threads_.emplace_back([this, i] {
        while (!stop_.load(std::memory_order_relaxed)) {
          void* block = std::malloc(static_cast<std::size_t>(16 + i * 97));
          std::fprintf(file_, "%p", block);
          std::fflush(file_);
          const std::lock_guard lock(mutex_);
          std::free(block);
        }
      });
    }
  }
  ~Hammering() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    std::fclose(file_);
  }

 private:
  std::FILE* file_;
  std::mutex mutex_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// R5
TEST_P(Storm, starts_while_64_threads_hammer_malloc_and_stdio) {
  if (GetParam() == brood::StartMethod::fork) GTEST_SKIP() << "fork is unsafe beside threads, and says so";
  const Hammering threads;
  for (int i = 0; i < 30; ++i) {
    brood::Process process(
        options(),
        [](std::string text) {
          // The same locks, which must be free here.
          std::vector<std::string> many(100, text);
          std::FILE* null = std::fopen("/dev/null", "w");
          for (const auto& one : many) std::fprintf(null, "%s", one.c_str());
          std::fclose(null);
          std::printf("%s", "");
          std::fflush(nullptr);
          std::exit(static_cast<int>(many.size()));
        },
        "some text that does not fit into a small string");
    process.start();
    ASSERT_TRUE(process.join(std::chrono::milliseconds(patience_ms))) << i;
    ASSERT_EQ(process.exitcode(), 100);
  }
}

TEST_P(Storm, starts_from_several_threads_at_once) {
  if (GetParam() == brood::StartMethod::fork) GTEST_SKIP() << "fork is unsafe beside threads, and says so";
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 15; ++i) {
        brood::Process process(
            options(), [](int code) { _exit(code); }, t * 15 + i);
        process.start();
        process.join();
        right += process.exitcode() == t * 15 + i;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 120);
  EXPECT_TRUE(brood::active_children().empty());
}

TEST(StormAlone, names_given_by_several_threads_are_all_different) {
  std::mutex mutex;
  std::set<std::string> names;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const brood::Process process([] {});
        const std::lock_guard lock(mutex);
        names.insert(process.name());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(names.size(), 400U);
}

TEST(StormAlone, a_child_outlives_the_thread_that_started_it) {
  Waiting child;
  std::thread([&] { child.start(); }).join();
  EXPECT_FALSE(child.process.join(std::chrono::milliseconds(50)));
  EXPECT_TRUE(child.process.is_alive());
  child.let_end();
  child.process.join();
  EXPECT_EQ(child.process.exitcode(), 0);
}

// ---- large arguments ----

std::uint64_t checksum(const std::vector<std::uint64_t>& words) {
  return std::accumulate(
      words.begin(), words.end(), std::uint64_t{1469598103934665603ULL},
      [](std::uint64_t sum, std::uint64_t word) { return (sum ^ word) * 1099511628211ULL; });
}

std::vector<std::uint64_t> noise(std::size_t bytes) {
  std::vector<std::uint64_t> words(bytes / sizeof(std::uint64_t));
  std::uint64_t state = bytes;
  for (auto& word : words) word = state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return words;
}

TEST_P(Storm, arguments_of_any_size_arrive_intact) {
  // Around what fits into a request, and far above.
  for (const std::size_t bytes : {std::size_t{8}, std::size_t{3800}, std::size_t{4032}, std::size_t{4096},
                                  std::size_t{65536}, std::size_t{1} << 20, std::size_t{100} << 20}) {
    const auto words = noise(bytes);
    const Folder folder;
    brood::Process process(
        options(),
        [](std::string file, const std::vector<std::uint64_t>& w) { std::ofstream(file) << checksum(w); },
        folder / "sum", words);
    process.start();
    process.join();
    ASSERT_EQ(process.exitcode(), 0) << bytes;
    EXPECT_EQ(text_of(folder / "sum"), std::to_string(checksum(words))) << bytes;
  }
}

TEST_P(Storm, every_size_around_a_requests_room_arrives) {
  for (int size = 3500; size < 4100; size += 13) {
    ASSERT_EQ(exit_code_of(
                  options(), [](const std::string& s) { _exit(static_cast<int>(s.size() % 251)); },
                  std::string(static_cast<std::size_t>(size), 'x')),
              size % 251);
  }
}

}  // namespace
