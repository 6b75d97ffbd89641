// Many threads submit to one pool; code of the user's runs in the middle of a submission.

#include <brood/pool.hpp>
#include <numeric>
#include <thread>

#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;

int same(int i) { return i; }

TEST(PoolBooks, many_threads_submit_while_others_wait) {
  const nothing_left::Memory memory;
  constexpr int threads = 8, each = 2000;
  brood::Pool pool(2);
  std::atomic<long> sum{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      std::vector<brood::Future<int>> futures;
      for (int i = 0; i < each; ++i) {
        futures.push_back(pool.apply_async(same, t * each + i));
        if (i % 64 == 0) futures.back().wait();
      }
      for (auto& future : futures) sum += future.get(30s);
    });
  }
  for (auto& thread : all) thread.join();
  constexpr long n = threads * each;
  EXPECT_EQ(sum, n * (n - 1) / 2);
  const auto counts = pool.counts();
  EXPECT_EQ(counts.done, static_cast<std::uint64_t>(n));
  EXPECT_EQ(counts.queued + counts.running, 0U);
}

// Each thread either has its task done or is told; none is left waiting.
TEST(PoolBooks, submission_from_many_threads_during_the_end) {
  const nothing_left::Memory memory;
  for (const bool gently : {true, false}) {
    brood::Pool pool(2);
    std::atomic<int> resolved{0}, refused{0}, submitted{0};
    std::vector<std::thread> all;
    for (int t = 0; t < 4; ++t) {
      all.emplace_back([&] {
        for (int i = 0;; ++i) {
          try {
            auto future = pool.apply_async(same, i);
            ++submitted;
            try {
              EXPECT_EQ(future.get(30s), i);
            } catch (const brood::PoolTerminated&) {
            }
            ++resolved;
          } catch (const brood::UsageError&) {
            ++refused;
            return;
          }
        }
      });
    }
    while (submitted < 1000) std::this_thread::yield();
    gently ? pool.close() : pool.terminate();
    for (auto& thread : all) thread.join();
    pool.join();
    EXPECT_EQ(refused, 4);
    EXPECT_EQ(resolved, submitted);
  }
}

brood::Pool* busy = nullptr;
bool wait_too = false;

/// Its codec uses the pool that the call is for.
struct Nosy {
  int value = 0;
};

}  // namespace

template <>
struct brood::Codec<Nosy> {
  static void encode(brood::Writer& to, const Nosy& nosy) {
    if (busy != nullptr) {
      auto inner = std::exchange(busy, nullptr)->apply_async(same, 1);
      if (wait_too) inner.wait();
    }
    to.value(nosy.value);
  }
  static Nosy decode(brood::Reader& from) { return {from.value<int>()}; }
};

namespace {

int value_of(const Nosy& nosy) { return nosy.value; }

TEST(PoolBooks, a_codec_may_submit_to_the_pool_that_the_call_is_for) {
  brood::Pool pool(1);
  busy = &pool;
  EXPECT_EQ(pool.apply(value_of, Nosy{7}), 7);
  EXPECT_EQ(busy, nullptr);
  EXPECT_EQ(pool.apply(value_of, Nosy{8}), 8);
  EXPECT_EQ(pool.counts().done, 3U);
}

TEST(PoolBooks, a_codec_that_waits_for_the_pool_is_told_that_it_would_wait_for_itself) {
  brood::Pool pool(1);
  busy = &pool;
  wait_too = true;
  int told = 0;
  for (int i = 0; i < 20; ++i) {
    try {
      EXPECT_EQ(pool.apply(value_of, Nosy{7}), 7);  // another thread had the books: then it may wait
    } catch (const brood::UsageError&) {
      ++told;
    }
  }
  EXPECT_GT(told, 0);
  wait_too = false;
  EXPECT_EQ(pool.apply(value_of, Nosy{8}), 8);
}

}  // namespace
