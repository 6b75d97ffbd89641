// The states of a lane's slots in every interleaving of a worker and its program, the worker dying anywhere:
// each task is delivered, or fails as the one that was running, or goes to another worker having never begun.
//
// The steps are those of pool/worker.cpp (work), submit.cpp (fill, take_back_last), results.cpp
// (take_results) and supervisor.cpp (settle_running), with nothing else in between.

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "model.hpp"
#include "pool/lane_layout.hpp"

namespace {

using brood::pool::SlotState;
using model::Word;

constexpr std::uint64_t raw(SlotState state) { return static_cast<std::uint64_t>(state); }
constexpr int slots = 3;
constexpr int tasks = 4;

class Lane {
 public:
  std::array<int, tasks> begun{}, delivered{}, failed{}, moved{};

  // ---- the worker
  void work() {
    for (int next = 0, looks = 0; looks < 6;) {
      Word& state = states_[static_cast<std::size_t>(next % slots)];
      if (state.load() == raw(SlotState::free)) {
        ++looks;  // it would sleep
        continue;
      }
      ++next;
      auto ready = raw(SlotState::ready);
      if (!state.compare_exchange_strong(ready, raw(SlotState::running))) {
        state.store(raw(SlotState::passed));
        continue;
      }
      ++begun[static_cast<std::size_t>(calls_[static_cast<std::size_t>((next - 1) % slots)])];
      state.store(raw(SlotState::done));
    }
  }

  // ---- the program
  void run() {
    for (int task = 0; task < tasks; ++task) {
      if (head_ - tail_ == slots - 1) take_results();
      if (head_ - tail_ == slots - 1) take_back_last();
      if (head_ - tail_ == slots - 1) {
        ++moved[static_cast<std::size_t>(task)];  // no room: it waits for another worker
        continue;
      }
      fill(task);
      if (task == 1) take_back_last();
      if (task == 2) take_results();
    }
  }

  // The worker has ended.
  void settle() {
    take_results();
    while (take_back_last()) {
    }
    for (; tail_ != head_; ++tail_) {
      int& task = task_at(tail_);
      if (task >= 0) ++failed[static_cast<std::size_t>(task)];
    }
  }

 private:
  Word& state_at(int at) { return states_[static_cast<std::size_t>(at % slots)]; }
  int& task_at(int at) { return tasks_[static_cast<std::size_t>(at % slots)]; }

  void fill(int task) {
    task_at(head_) = task;
    calls_[static_cast<std::size_t>(head_ % slots)] = task;
    state_at(head_).store(raw(SlotState::ready));
    ++head_;
  }
  // The last in line that has not begun, though some behind it may have been taken back before.
  bool take_back_last() {
    for (int at = head_; at-- > tail_;) {
      if (task_at(at) < 0) continue;
      auto ready = raw(SlotState::ready);
      if (!state_at(at).compare_exchange_strong(ready, raw(SlotState::revoked))) return false;
      ++moved[static_cast<std::size_t>(std::exchange(task_at(at), -1))];
      return true;
    }
    return false;
  }
  void take_results() {
    for (; tail_ != head_; ++tail_) {
      const auto state = state_at(tail_).load();
      const int task = task_at(tail_);
      if (state == raw(SlotState::done) && task >= 0)
        ++delivered[static_cast<std::size_t>(task)];
      else if (state != raw(SlotState::passed) || task >= 0)
        break;
      state_at(tail_).store(raw(SlotState::free));
    }
  }

  std::array<Word, slots> states_;
  std::array<int, slots> calls_{};            // shared: what the worker would call
  std::array<int, slots> tasks_{-1, -1, -1};  // the program's own book
  int head_ = 0, tail_ = 0;
};

TEST(LaneModel, a_task_is_finished_running_or_never_begun) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer does not follow the model from stack to stack";
#endif
  std::uint64_t runs = 0;
  for (int dies_after = -1; dies_after <= 20 && !HasFatalFailure(); ++dies_after) {
    Lane lane;
    const auto parties = [&]() -> std::vector<model::Party> {
      lane = {};
      return {{[&] { lane.work(); }, dies_after}, {[&] { lane.run(); }}};
    };
    const auto judge = [&] {
      lane.settle();
      for (std::size_t i = 0; i < tasks; ++i) {
        ASSERT_EQ(lane.delivered[i] + lane.failed[i] + lane.moved[i], 1) << "task " << i;
        ASSERT_EQ(lane.begun[i], lane.delivered[i] + lane.failed[i]) << "task " << i;
      }
      ASSERT_LE(lane.failed[0] + lane.failed[1] + lane.failed[2] + lane.failed[3], 1);
    };
    runs += model::explore({parties, judge}, 4);
  }
  std::printf("%llu runs\n", static_cast<unsigned long long>(runs));
  EXPECT_GT(runs, 10'000U);
}

}  // namespace
