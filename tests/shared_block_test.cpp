// Memory by a handle: what one process writes the others see, and it goes with its last user.

#include <unistd.h>

#include <algorithm>
#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <brood/shared_block.hpp>
#include <csignal>
#include <deque>

#include "arena/arena.hpp"
#include "nothing_left.hpp"
#include "run_program.hpp"

namespace shared_block {

void fill(brood::SharedBlock block, double with) {
  for (auto& each : block.as<double>()) each = with;
}
brood::SharedBlock make(std::size_t bytes) {
  brood::SharedBlock block(bytes);
  for (auto& each : block.bytes()) each = std::byte{7};
  return block;
}
std::size_t crash_with(brood::SharedBlock block) {
  if (block) raise(SIGKILL);
  return block.size();
}

}  // namespace shared_block

namespace {

using namespace shared_block;
using brood::SharedBlock;

TEST(SharedBlock, is_the_same_everywhere) {
  const nothing_left::Memory memory;
  SharedBlock block(1000 * sizeof(double));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % 64, 0U);
  fill(block, 1.0);
  brood::Process process(fill, block, 2.0);
  process.start();
  process.join();
  for (const double each : block.as<double>()) ASSERT_EQ(each, 2.0);
  brood::Pool pool(1);
  pool.apply(fill, block, 3.0);
  EXPECT_EQ(block.as<double>()[999], 3.0);

  brood::Queue<SharedBlock> queue;
  queue.put(block);
  SharedBlock again = queue.get();
  EXPECT_EQ(again, block);
  EXPECT_EQ(again.data(), block.data());
  again.as<double>()[0] = 4.0;
  EXPECT_EQ(block.as<double>()[0], 4.0);
}

TEST(SharedBlock, comes_as_a_result) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{100'000}, std::size_t{64} << 20}) {
    const auto block = pool.apply(make, size);
    ASSERT_EQ(block.size(), size);
    EXPECT_TRUE(std::ranges::all_of(block.bytes(), [](std::byte b) { return b == std::byte{7}; }));
  }
  for (int i = 0; i < 200; ++i) static_cast<void>(pool.apply_async(make, std::size_t{1} << 20));
}

TEST(SharedBlock, outlives_who_dies_with_it) {
  const nothing_left::Memory memory;
  SharedBlock block(1 << 20);
  {
    brood::Pool pool(2);
    for (int i = 0; i < 10; ++i) EXPECT_THROW(pool.apply(crash_with, block), brood::WorkerDied);
    pool.apply(fill, block, 5.0);
  }
  EXPECT_EQ(block.as<double>()[7], 5.0);
}

TEST(SharedBlock, may_be_none) {
  const nothing_left::Memory memory;
  const SharedBlock none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.size(), 0U);
  EXPECT_EQ(none.data(), nullptr);
  brood::Pool pool(1);
  EXPECT_EQ(pool.apply(crash_with, none), 0U);
  SharedBlock one(8);
  SharedBlock moved = std::move(one);
  EXPECT_FALSE(one);  // NOLINT: that is what is asked
  EXPECT_TRUE(moved);
  moved = none;
  EXPECT_FALSE(moved);
}

// Fresh pages cost more than anything else about a block. Whoever frees in turn, as a queue's reader does,
// leaves holes behind those who still have theirs.
TEST(SharedBlock, that_is_new_lies_where_others_were) {
  const nothing_left::Memory memory;
  std::deque<SharedBlock> blocks;
  for (int i = 0; i < 64; ++i) blocks.emplace_back(100'000);
  const auto used = brood::arena::header().used_end.load();
  for (int round = 0; round < 1000; ++round) {
    blocks.pop_front();
    blocks.emplace_back(100'000);
    if (round % 3 == 0) {
      blocks.pop_front();
      blocks.pop_front();
      blocks.emplace_back(100'000);
      blocks.emplace_back(100'000);
    }
  }
  EXPECT_EQ(brood::arena::header().used_end.load(), used);
}

TEST(SharedBlock, needs_nothing_else_in_a_program) {
  const auto ran = run_program::run({"block_alone"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "42\n");
}

TEST(SharedBlock, is_used_right) {
  EXPECT_THROW(static_cast<void>(SharedBlock(10).as<double>()), brood::UsageError);
  EXPECT_THROW(SharedBlock(std::size_t{1} << 62), brood::NoMemory);
  EXPECT_THROW(SharedBlock(~std::size_t{0}), brood::NoMemory);
}

// Numbers arrive in messages: anything may be in them.
TEST(SharedBlock, is_not_made_of_noise) {
  const nothing_left::Memory memory;
  const brood::Queue<int> queue;
  SharedBlock block(100);
  for (std::uint64_t noise : {std::uint64_t{1}, std::uint64_t{64} << 10, std::uint64_t{1} << 40,
                              ~std::uint64_t{0}, brood::Codec<brood::Queue<int>>::object_of(queue)}) {
    brood::Reader from(reinterpret_cast<const std::byte*>(&noise), sizeof noise);
    EXPECT_THROW(brood::Codec<SharedBlock>::decode(from), brood::DecodeError) << noise;
  }
}

}  // namespace
