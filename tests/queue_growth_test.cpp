// The memory of a queue follows the most values that were in it at one time, whoever put them.

#include <atomic>
#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "arena/arena.hpp"
#include "channel/growing.hpp"
#include "nothing_left.hpp"

namespace queue_growth {

using Strings = brood::Queue<std::string>;

void put_some(Strings to, int values, std::size_t size) {
  for (int i = 0; i < values; ++i) to.put(std::string(size, 'x'));
}

void put_some_and_die(Strings to, int values, std::size_t size) {
  put_some(std::move(to), values, size);
  std::raise(SIGKILL);
}

}  // namespace queue_growth

namespace {

using namespace queue_growth;
using namespace std::chrono_literals;
using brood::arena::chunks_in_use;

struct Size {
  std::size_t bytes;
  int values;  // of each writer
};
void PrintTo(const Size& size, std::ostream* out) { *out << size.bytes << " bytes"; }

class QueueGrowth : public testing::TestWithParam<Size> {
 protected:
  // Chunks that a queue takes in which one writer has put all values that are in this one now.
  std::uint32_t chunks_of_one_writer() {
    const auto before = chunks_in_use();
    Strings one;
    put_some(one, static_cast<int>(queue_.qsize()), GetParam().bytes);
    return chunks_in_use() - before;
  }
  void expect_no_more_than_of_one_writer() {
    const auto chunks = chunks_in_use() - before_;
    // Groups of blocks double; a sample decides whether another one is needed.
    EXPECT_LE(chunks, 2 * chunks_of_one_writer() + 4) << queue_.qsize() << " values";
  }

  const std::uint32_t before_ = chunks_in_use();
  Strings queue_;
};

TEST_P(QueueGrowth, with_threads_that_come_and_go) {
  for (int i = 0; i < 200; ++i)
    std::thread([&] { put_some(queue_, GetParam().values, GetParam().bytes); }).join();
  expect_no_more_than_of_one_writer();
}

TEST_P(QueueGrowth, with_many_threads_at_once) {
  std::vector<std::thread> all;
  std::atomic<int> left = 16;
  for (int i = 0; i < 16; ++i) {
    all.emplace_back([&] {
      put_some(queue_, 20 * GetParam().values, GetParam().bytes);
      --left;
    });
  }
  std::uint32_t most = 0;
  for (; left != 0; std::this_thread::yield()) most = std::max(most, chunks_in_use() - before_);
  for (auto& each : all) each.join();
  expect_no_more_than_of_one_writer();
  // Not each of them makes the queue longer when all find it full.
  EXPECT_LE(most, 4 * chunks_of_one_writer() + 4);
}

TEST_P(QueueGrowth, with_a_reader_that_keeps_up) {
  std::size_t longest = 0;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 500; ++i)
      std::thread([&] { put_some(queue_, GetParam().values, GetParam().bytes); }).join();
    done = true;
  });
  for (int left = 500 * GetParam().values; left > 0; --left) {
    longest = std::max(longest, queue_.qsize());
    ASSERT_TRUE(queue_.try_get_for(60s));
  }
  writer.join();
  const auto chunks = chunks_in_use() - before_;
  put_some(queue_, static_cast<int>(longest) + 1, GetParam().bytes);
  EXPECT_LE(chunks, 2 * chunks_of_one_writer() + 4) << longest << " values";
}

TEST_P(QueueGrowth, with_processes_that_are_killed) {
  for (int i = 0; i < 20; ++i) {
    brood::Process writer(put_some_and_die, queue_, GetParam().values, GetParam().bytes);
    writer.start();
    writer.join();
  }
  EXPECT_EQ(queue_.qsize(), 20U * static_cast<unsigned>(GetParam().values));
  expect_no_more_than_of_one_writer();
}

TEST_P(QueueGrowth, with_tasks_of_a_pool) {
  {
    brood::Pool pool({.processes = 2, .max_tasks_per_child = 2});
    std::vector<brood::Future<void>> all;
    for (int i = 0; i < 40; ++i) {
      all.push_back(pool.apply_async(put_some, queue_, GetParam().values, GetParam().bytes));
    }
    for (auto& each : all) each.get(60s);
    pool.close();
    pool.join();
  }
  EXPECT_EQ(queue_.qsize(), 40U * static_cast<unsigned>(GetParam().values));
  expect_no_more_than_of_one_writer();
}

// Of each class of blocks, and larger than a block.
INSTANTIATE_TEST_SUITE_P(Values, QueueGrowth,
                         testing::Values(Size{20, 20}, Size{700, 10}, Size{6000, 4}, Size{20'000, 2},
                                         Size{50'000, 1}),
                         [](const auto& info) { return std::to_string(info.param.bytes) + "_bytes"; });

constexpr std::uint32_t other = 7, me = 8;

TEST(QueueGrowing, waits_for_another_no_longer_than_that_could_take) {
  brood::platform::Word word{other + 1};
  { const brood::channel::Growing beside(word, me, 1 << 20); }
  EXPECT_EQ(word, other + 1) << "the claim of another is left as it is";
}

TEST(QueueGrowing, ends_with_the_claim) {
  brood::platform::Word word{0};
  {
    const brood::channel::Growing mine(word, me, 1 << 20);
    EXPECT_EQ(word, me + 1);
    brood::channel::Growing::forget(word, other);
    EXPECT_EQ(word, me + 1);
  }
  EXPECT_EQ(word, 0U);
}

TEST(QueueGrowing, goes_on_when_a_dead_holder_is_forgotten) {
  brood::platform::Word word{other + 1};
  std::thread waiting([&] {
    const brood::channel::Growing mine(word, me, std::uint64_t{1} << 40);  // minutes
    EXPECT_EQ(word, me + 1);
  });
  std::this_thread::sleep_for(5ms);
  brood::channel::Growing::forget(word, other);
  waiting.join();
  EXPECT_EQ(word, 0U);
}

}  // namespace
