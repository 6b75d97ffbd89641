// Limits of memory: of what allocations get, and of all that a worker and what it starts really hold.

#include <sys/mman.h>
#include <unistd.h>

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "nothing_left.hpp"
#include "platform/memory_group.hpp"
#include "what_it_threw.hpp"

#if !defined(__SANITIZE_ADDRESS__)  // which holds terabytes of addresses, and answers malloc itself

namespace pool_memory {

int twice(int i) { return 2 * i; }
std::size_t allocate(std::size_t bytes) {
  const std::vector<char> all(bytes, 'x');
  return all.size();
}
/// As programs do that do not look at what malloc says.
int allocate_carelessly(std::size_t bytes) {
  constexpr std::size_t part = 1 << 20;
  for (std::size_t all = 0; all < bytes; all += part) static_cast<volatile char*>(std::malloc(part))[0] = 1;
  return 0;
}
int allocate_in_despair(std::size_t bytes) noexcept { return static_cast<int>(allocate(bytes)); }

/// Data for RLIMIT_DATA is private memory; this is not.
std::size_t share(std::size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return 0;
  for (std::size_t i = 0; i < bytes; i += 4096) static_cast<volatile char*>(at)[i] = 1;
  munmap(at, bytes);
  return bytes;
}
/// Each within the limit, both together not, and the larger one more than the worker has: `tail` keeps its
/// whole input, which is one line, and nobody takes it before one of them has ended.
int start_hungry_programs() {
  return std::system(
      "d=$(mktemp -d); for i in 1 2; do"
      " (head -c 110M /dev/zero | { tail -n 1; touch $d/ended; } |"
      " { for n in $(seq 300); do [ -e $d/ended ] && break; sleep 0.1; done; cat; }) >/dev/null 2>&1 & "
      "done; wait; rm -r $d");
}
int fail_with_hungry_programs() {
  start_hungry_programs();
  throw std::runtime_error("the program did not do its work");
}
std::string text_of_size(std::size_t bytes) { return std::string(bytes, 'x'); }
void share_at_birth() { share(std::size_t{300} << 20); }

}  // namespace pool_memory

namespace {

using namespace pool_memory;
using namespace std::chrono_literals;
using what_it_threw::text_of;

constexpr std::uint64_t enough = 512 << 20;
constexpr std::size_t too_much = 1 << 30;

TEST(PoolMemoryLimit, is_an_error_of_its_own) {
  brood::Pool pool(1);
  const brood::CallOptions limited{.memory_limit = enough};
  EXPECT_EQ(pool.apply(limited, allocate, std::size_t{1000}), 1000U);
  for (int round = 0; round < 3; ++round) {
    EXPECT_NE(text_of<brood::MemoryLimitExceeded>([&] {
                pool.apply(limited, allocate, too_much);
              }).find(std::to_string(enough)),
              std::string::npos);
    EXPECT_THROW(pool.apply(limited, allocate_carelessly, too_much), brood::MemoryLimitExceeded);
    EXPECT_THROW(pool.apply(limited, allocate_in_despair, too_much), brood::MemoryLimitExceeded);
  }
  EXPECT_EQ(pool.apply(allocate, too_much), too_much);  // its limit went with the task
  EXPECT_EQ(pool.apply(twice, 4), 8);
}

TEST(PoolMemoryLimit, of_all_workers) {
  brood::Pool pool({.processes = 1, .memory_limit = enough});
  EXPECT_EQ(pool.apply(allocate, std::size_t{1000}), 1000U);
  EXPECT_THROW(pool.apply(allocate, too_much), brood::MemoryLimitExceeded);
  EXPECT_THROW(pool.apply(allocate_carelessly, too_much), brood::MemoryLimitExceeded);
  EXPECT_EQ(pool.apply(twice, 4), 8);
}

std::string own_groups() {
  std::ifstream in("/proc/self/cgroup");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Where groups can be made here.
class PoolMemoryGroup : public testing::Test {
 protected:
  static constexpr std::uint64_t limit = 128 << 20;
  static constexpr std::size_t beyond = 256 << 20;

  void SetUp() override {
    for (const auto& group : brood::platform::memory_groups_in(own_groups(), "/sys/fs/cgroup")) {
      const auto probe = group.folder + "/brood-0-0";
      if (!std::filesystem::create_directory(probe, ignored_)) continue;
      const bool works = std::filesystem::exists(
          probe + (group.second_version ? "/memory.max" : "/memory.limit_in_bytes"), ignored_);
      std::filesystem::remove(probe, ignored_);
      if (works) parent_ = group.folder;
    }
    if (parent_.empty()) GTEST_SKIP() << "no memory cgroup can be made here";
  }
  int groups() const {
    int n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(parent_)) {
      n += entry.path().filename().string().starts_with("brood-" + std::to_string(getpid()) + "-");
    }
    return n;
  }

  std::string parent_;
  std::error_code ignored_;
};

TEST_F(PoolMemoryGroup, holds_what_is_no_data) {
  {
    brood::Pool pool(2);
    const auto text =
        text_of<brood::MemoryLimitExceeded>([&] { pool.apply({.memory_limit = limit}, share, beyond); });
    EXPECT_NE(text.find(std::to_string(limit)), std::string::npos) << text;
    EXPECT_NE(text.find("share"), std::string::npos) << text;
    EXPECT_EQ(pool.apply({.memory_limit = 2 * beyond}, share, beyond), beyond);
    EXPECT_EQ(pool.apply(share, beyond), beyond);  // the limit is of the task
    EXPECT_EQ(pool.apply({.memory_limit = limit}, twice, 4), 8);
    EXPECT_EQ(pool.counts().restarts, 1U);
    EXPECT_GE(groups(), 1);
  }
  EXPECT_EQ(groups(), 0);
}

TEST_F(PoolMemoryGroup, holds_what_the_task_starts) {
  {
    brood::Pool pool({.processes = 1, .memory_limit = limit});
    for (int round = 0; round < 2; ++round) {
      for (auto* const task : {start_hungry_programs, fail_with_hungry_programs}) {
        const auto text = text_of<brood::MemoryLimitExceeded>([&] { pool.apply(task); });
        EXPECT_NE(text.find("started"), std::string::npos) << text;
      }
      EXPECT_EQ(pool.apply(twice, 4), 8);
    }
  }
  EXPECT_EQ(groups(), 0);
}

TEST_F(PoolMemoryGroup, of_all_workers) {
  {
    brood::Pool pool({.processes = 2, .memory_limit = limit});
    std::vector<brood::Future<std::size_t>> hungry;
    std::vector<brood::Future<int>> others;
    for (int i = 0; i < 40; ++i) {
      if (i % 10 == 0) hungry.push_back(pool.apply_async(share, beyond));
      others.push_back(pool.apply_async(twice, i));
    }
    for (auto& future : hungry) EXPECT_THROW(future.get(60s), brood::MemoryLimitExceeded);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(60s), 2 * i);
  }
  EXPECT_EQ(groups(), 0);
}

// The memory of results belongs to all: a worker that has returned many is not to be killed for them.
TEST_F(PoolMemoryGroup, does_not_hold_results_against_the_worker) {
  brood::Pool pool({.processes = 1, .memory_limit = limit});
  constexpr std::size_t part = 40 << 20;
  std::vector<brood::Future<std::string>> kept;
  for (int i = 0; i < 10; ++i) {
    kept.push_back(pool.apply_async(text_of_size, part));
    kept.back().wait();
  }
  for (auto& future : kept) EXPECT_EQ(future.get(60s).size(), part);
  EXPECT_EQ(pool.counts().restarts, 0U);
}

TEST_F(PoolMemoryGroup, is_the_cause_where_the_initializer_died_of_it) {
  brood::Pool pool({.processes = 1, .memory_limit = limit, .restart_intensity = 1}, share_at_birth);
  try {
    pool.apply(twice, 1);
    ADD_FAILURE() << "no exception";
  } catch (const brood::PoolBroken& e) {
    EXPECT_NE(std::string(e.what()).find("more memory than memory_limit allows"), std::string::npos)
        << e.what();
  }
}

TEST_F(PoolMemoryGroup, that_a_dead_program_left_is_swept) {
  const int dead = fork();
  if (dead == 0) _exit(0);
  waitpid(dead, nullptr, 0);
  const auto left = parent_ + "/brood-" + std::to_string(dead) + "-1";
  const auto alive = parent_ + "/brood-" + std::to_string(getpid()) + "-1";
  ASSERT_TRUE(std::filesystem::create_directory(left));
  ASSERT_TRUE(std::filesystem::create_directory(alive));
  EXPECT_EQ(brood::Pool(1).apply({.memory_limit = limit}, twice, 4), 8);
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::remove(alive));
}

TEST(MemoryGroup, is_found_in_both_versions) {
  const auto found = brood::platform::memory_groups_in(
      "9:name=systemd:/\n4:memory:/a/b\n3:cpu:/c\n0::/user.slice/x.scope\n", "/r");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].folder, "/r/memory/a/b");
  EXPECT_FALSE(found[0].second_version);
  EXPECT_EQ(found[1].folder, "/r/user.slice/x.scope");
  EXPECT_TRUE(found[1].second_version);
  EXPECT_EQ(brood::platform::memory_groups_in("0::/\n", "/r").at(0).folder, "/r");
  EXPECT_TRUE(brood::platform::memory_groups_in("noise\n:\n\n4", "/r").empty());
}

// The name comes from a worker, which may have written noise.
TEST(MemoryGroup, is_believed_only_where_it_can_be) {
  using brood::platform::MemoryGroup;
  EXPECT_TRUE(MemoryGroup::announced("/sys/fs/cgroup/memory/a/brood-7-8", 7, 8));
  for (const char* noise : {"", "x", "/tmp/brood-7-8", "/sys/fs/cgroup/memory/a/brood-7-9",
                            "/sys/fs/cgroup/../../../tmp/brood-7-8", "/sys/fs/cgroup/memory/brood-7-8/.."}) {
    EXPECT_FALSE(MemoryGroup::announced(noise, 7, 8)) << noise;
  }
}

}  // namespace
#endif
