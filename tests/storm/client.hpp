#pragma once
// A thread that submits tasks to a pool and waits for them in all the ways there are.

#include <atomic>
#include <brood/pool.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "outcomes.hpp"
#include "plan.hpp"

namespace storm {

class Client {
 public:
  Client(const ClientPlan& plan, brood::Pool& pool, const Values& values)
      : plan_(plan), pool_(pool), values_(values) {}
  void run();
  /// Top-level tasks that the pool has taken for sure.
  std::uint64_t accepted() const { return accepted_; }
  /// Whose futures were dropped.
  const std::vector<Spec>& dropped() const { return dropped_; }
  /// What it waits for now, for reports.
  std::uint32_t waits_for() const { return waits_for_; }

 private:
  void submit_one(const Item& item);
  void take_oldest();
  void settle();
  void run_burst(const Burst& burst);
  void map(const Burst& burst);
  template <class Lazy>
  void iterate(Lazy lazy);
  void wait_any(const Burst& burst);

  const ClientPlan& plan_;
  brood::Pool& pool_;
  const Values& values_;
  std::deque<Pending> pending_;
  std::vector<Spec> dropped_;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint32_t> waits_for_{0};
  // Outlives the client in callbacks.
  std::shared_ptr<std::atomic<std::uint64_t>> called_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::uint64_t to_be_called_ = 0;
};

}  // namespace storm
