#pragma once
// One queue of a round and the processes at both its ends, which are replaced as they are killed.

#include <atomic>
#include <brood/process.hpp>
#include <cstdint>
#include <thread>
#include <vector>

#include "plan.hpp"
#include "tasks.hpp"

namespace storm {

class Actors {
 public:
  /// `values`: the next number that no value has yet.
  Actors(const QueuePlan& plan, std::atomic<std::uint32_t>& values);
  ~Actors();
  const Values& queue() const { return queue_; }
  /// Lets all end and takes what is left in the queue. False when somebody hangs.
  bool end();

 private:
  struct Actor {
    bool writes = false;
    bool begun = false;
    brood::Process process;
  };
  void direct();
  void begin(Actor& actor);
  bool end_all(bool writers);

  const QueuePlan& plan_;
  std::atomic<std::uint32_t>& values_;
  Values queue_;
  std::uint32_t spent_ = 0;
  std::vector<Actor> actors_;
  std::atomic<bool> stop_{false};
  std::thread director_;
};

/// Of all queues of a round, after their end: what was put has been taken once.
void check_values(std::uint32_t values);

}  // namespace storm
