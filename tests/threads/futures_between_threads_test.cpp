// Records of futures: finished by one thread, waited for and dropped by others, recycled exactly once.

#include <gtest/gtest.h>

#include <atomic>
#include <brood/executor.hpp>
#include <cstring>
#include <thread>
#include <vector>

namespace {

// Finishes each record from a thread of its own; waiting spins, which is all that this test needs.
class Elsewhere final : public brood::detail::TaskSource {
 public:
  bool wait(brood::detail::Record& record, brood::detail::Deadline until) override {
    while (!record.is_done()) {
      if (until.passed()) return false;
      std::this_thread::yield();
    }
    return true;
  }
  bool wait_any(const brood::detail::Watch&, brood::detail::Deadline) override {
    return true;  // nobody asks
  }
  bool running(brood::detail::Record&) override { return false; }
  bool cancel(brood::detail::Record&, bool) override { return false; }
  void attend() override {}
};

void give(brood::detail::Record& record, int value) {
  record.size = sizeof value;
  std::memcpy(record.small.data(), &value, sizeof value);
  brood::detail::finish_record(record);
}

TEST(FuturesBetweenThreads, are_finished_and_dropped_in_any_order) {
  Elsewhere source;
  constexpr int rounds = 20, n = 500, threads = 4;
  for (int round = 0; round < rounds; ++round) {
    std::vector<brood::detail::Record*> records;
    std::vector<std::vector<brood::Future<int>>> futures(threads);
    for (int i = 0; i < n * threads; ++i) {
      auto& record = brood::detail::take_record(source);
      records.push_back(&record);
      futures[static_cast<std::size_t>(i % threads)].emplace_back(record);
    }
    std::atomic<long> sum{0};
    std::vector<std::thread> all;
    all.emplace_back([&] {
      for (int i = 0; i < n * threads; ++i) give(*records[static_cast<std::size_t>(i)], i);
    });
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        int k = 0;
        for (auto& future : futures[static_cast<std::size_t>(t)]) {
          brood::Future<int> mine = std::move(future);
          if (++k % 5 == 0) continue;  // dropped, perhaps before it is finished
          sum += mine.get();
        }
      });
    }
    for (auto& thread : all) thread.join();
    long expected = 0;
    for (int i = 0; i < n * threads; ++i) expected += (i / threads + 1) % 5 == 0 ? 0 : i;
    EXPECT_EQ(sum, expected);
  }
}

TEST(FuturesBetweenThreads, call_each_callback_once_whenever_it_is_added) {
  Elsewhere source;
  std::atomic<int> called{0};
  constexpr int n = 2000;
  std::vector<brood::detail::Record*> records;
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < n; ++i) {
    records.push_back(&brood::detail::take_record(source));
    futures.emplace_back(*records.back());
  }
  std::thread finisher([&] {
    for (int i = 0; i < n; ++i) give(*records[static_cast<std::size_t>(i)], i);
  });
  for (auto& future : futures)
    future.add_done_callback([&](brood::Outcome<int> outcome) { called += outcome ? 1 : 0; });
  finisher.join();
  brood::detail::run_callbacks([](const std::string&) {});
  EXPECT_EQ(called, n);
}

TEST(SerialExecutor, runs_at_once_and_keeps_exceptions) {
  brood::SerialExecutor here;
  auto good = here.apply_async([](int x) { return std::to_string(x); }, 5);
  auto bad = here.apply_async([] { throw std::out_of_range("no"); });
  EXPECT_EQ(good.get(), "5");
  EXPECT_THROW(bad.get(), std::out_of_range);
}

}  // namespace
