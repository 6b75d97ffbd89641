// A lane with both its sides in one process: the worker's own code, and a program that fills, takes back and
// takes in as PoolCore does; the thread sanitizer watches.

#include <gtest/gtest.h>

#include <brood/detail/callable.hpp>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "arena/arena.hpp"
#include "pool/lanes.hpp"
#include "pool/worker.hpp"
#include "process/server.hpp"
#include "process/session.hpp"

namespace {

using brood::pool::Content;
using brood::pool::Lane;
using brood::pool::Results;
using brood::pool::Slot;
using brood::pool::SlotState;
using namespace std::chrono_literals;

int twice(int n) { return 2 * n; }
using TwiceCall = brood::detail::CallFor<decltype(&twice), int>;

constexpr auto raw(SlotState state) { return static_cast<std::uint32_t>(state); }

// The lane of this process, which is the worker as well.
Lane& make_lane() {
  brood::arena::require();
  brood::process::hooks().before_server();
  brood::wire::set_modules(brood::process::own_modules());
  const auto index = brood::pool::take_lane(brood::pool::Lane::most_slots);
  Lane& there = brood::pool::lane_at(index);
  const auto results = brood::arena::allocate(sizeof(Results));
  new (brood::arena::at(results.offset, sizeof(Results))) Results{};
  there.version = Lane::current_version;
  there.results = results.offset;
  brood::process::hooks().in_child(static_cast<std::int32_t>(index));
  return brood::pool::own_lane();
}

class Program {
 public:
  explicit Program(Lane& lane)
      : lane_(lane), results_(*brood::arena::object_at<Results>(lane.results)), given_(Lane::most_slots) {}

  bool may_fill() const { return head_ - tail_ < Lane::most_slots - 2; }
  void fill(int number) {
    Slot& slot = slot_at(head_);
    brood::Writer to(slot.data, sizeof slot.data);
    TwiceCall::encode_call(to, &twice, number);
    slot.content = Content::value;
    slot.thunk = brood::detail::code_ref_of(&TwiceCall::run).word;
    slot.size = to.written();
    slot.run_offset = 0;
    slot.memory_limit = 0;
    give(number);
  }
  void quit() {
    slot_at(head_).content = Content::quit;
    give(-1);
  }
  // The last one, when it was not begun.
  bool take_back() {
    if (head_ == tail_) return false;
    auto ready = raw(SlotState::ready);
    int& number = given_[(head_ - 1) % Lane::most_slots];
    if (number < 0 || !slot_at(head_ - 1).state.compare_exchange_strong(ready, raw(SlotState::revoked)))
      return false;
    number = -1;
    ++taken_back;
    return true;
  }
  void take_in() {
    for (; tail_ != head_; ++tail_) {
      Slot& slot = slot_at(tail_);
      const auto state = slot.state.load(std::memory_order_acquire);
      if (state != raw(SlotState::done) && state != raw(SlotState::passed)) return;
      const int number = given_[tail_ % Lane::most_slots];
      EXPECT_EQ(state == raw(SlotState::done), number >= 0);
      if (number >= 0) {
        brood::Reader from(slot.data, slot.size);
        EXPECT_EQ(from.value<int>(), 2 * number);
        ++done;
      }
      slot.state.store(raw(SlotState::free), std::memory_order_release);
    }
  }
  void wait() {
    const auto seen = results_.ready.prepare();
    take_in();
    if (tail_ == head_) return;
    EXPECT_TRUE(results_.ready.sleep(seen, brood::detail::Deadline::in(30s)));
  }
  bool is_empty() const { return head_ == tail_; }

  int done = 0, taken_back = 0;

 private:
  Slot& slot_at(std::uint32_t at) { return lane_.slots[at % Lane::most_slots]; }
  void give(int number) {
    given_[head_ % Lane::most_slots] = number;
    Slot& slot = slot_at(head_++);
    slot.state.store(raw(SlotState::ready));
    lane_.work.wake_one();
  }

  Lane& lane_;
  Results& results_;
  std::vector<int> given_;  // by slot: the number of its task, -1: none any more
  std::uint32_t head_ = 0, tail_ = 0;
};

void submit(Lane& lane) {
  Program program(lane);
  constexpr int n = 30'000;
  for (int i = 0; i < n; ++i) {
    while (!program.may_fill()) program.wait();
    program.fill(i);
    if (i % 7 == 0) program.take_back();
    if (i % 3 == 0) program.take_in();
    if (i % 1000 == 0) {
      while (!program.is_empty()) program.wait();
      std::this_thread::sleep_for(1ms);  // both sides fall asleep now and then
    }
  }
  while (!program.is_empty()) program.wait();
  EXPECT_EQ(program.done + program.taken_back, n);
  EXPECT_GT(program.done, n / 2);
  program.quit();
}

TEST(LaneBetweenThreads, loses_and_doubles_nothing) {
  Lane& lane = make_lane();
  std::thread program(submit, std::ref(lane));
  brood::pool::worker_main(0, {});  // here: it sets up the stack that signals of its thread are handled on
  program.join();
  brood::pool::forget_worker();
}

}  // namespace
