// What nobody has been given yet of the memory that processes share cannot be accessed: mlockall, valgrind
// and others that go through all mappings would make every page of it.

#include <sys/mman.h>

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <brood/shared_block.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "arena/arena.hpp"
#include "nothing_left.hpp"

namespace arena_access {

struct Bytes {
  std::uint64_t accessible = 0, all = 0;
};

// Of the mappings of memory with that name in this process.
Bytes mapped(const std::string& name) {
  Bytes sum;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(name) == std::string::npos) continue;
    std::uint64_t begin = 0, end = 0;
    char dash = 0;
    std::string rights;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> rights;
    sum.all += end - begin;
    if (rights[0] == 'r') sum.accessible += end - begin;
  }
  return sum;
}

std::uint64_t accessible(std::string name) { return mapped(name).accessible; }

std::uint64_t accessible_with(const brood::SharedBlock& block) {
  static_cast<char*>(static_cast<void*>(block.data()))[block.size() - 1] = 'x';
  return accessible("brood arena");
}

}  // namespace arena_access

namespace {

using namespace arena_access;

constexpr std::uint64_t mebibyte = 1 << 20;

TEST(ArenaAccess, is_to_what_is_used) {
  brood::Pool pool(2);
  const auto used = std::uint64_t{brood::arena::chunks_in_use()} * brood::arena::chunk_size;
  for (const auto& here : {mapped("brood arena").accessible, pool.apply(accessible, "brood arena")}) {
    EXPECT_LE(here, 2 * used + 64 * mebibyte);  // other tests of this process have used more before
  }
  EXPECT_GT(mapped("brood arena").all, 0U);
  EXPECT_LE(mapped("brood lanes").accessible, 64 * mebibyte);
  EXPECT_GT(mapped("brood lanes").all, 64 * mebibyte);
  EXPECT_LE(pool.apply(accessible, "brood lanes"), 128 * 1024U) << "its own lane";
}

// A process meets a block that lies far behind what it has opened.
TEST(ArenaAccess, grows_with_what_a_process_is_given) {
  brood::Pool pool(1);
  const auto before = pool.apply(accessible, "brood arena");
  const brood::SharedBlock block(before + 3 * mebibyte);
  EXPECT_GE(pool.apply(accessible_with, block), block.size());
  EXPECT_EQ(static_cast<const char*>(static_cast<const void*>(block.data()))[block.size() - 1], 'x');
}

void lock_everything(brood::Queue<std::string> told) {
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return told.put("not allowed");
  brood::Queue<int> queue;
  for (int i = 0; i < 10'000; ++i) queue.put(i);
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssShmem:")) told.put(line.substr(9));
  }
}

TEST(ArenaAccess, keeps_mlockall_from_filling_the_arena) {
  brood::Queue<std::string> told;
  brood::Process child(lock_everything, told);
  child.start();
  const auto resident = told.get(std::chrono::seconds(60));
  child.join();
  if (resident == "not allowed") GTEST_SKIP() << "this user may not lock so much memory";
  EXPECT_LE(std::stoul(resident), 128 * 1024U) << "KiB";
}

}  // namespace
