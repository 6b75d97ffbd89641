#pragma once
/// StopToken: how a task hears that it is to end, because its deadline has passed or somebody has cancelled
/// it.
///
///   long search(std::string word) {
///     const brood::StopToken stop = brood::this_worker::stop_token();
///     long n = 0;
///     while (!stop.stop_requested()) look_at(n++, word);
///     return n;
///   }
///
/// What a task returns that was cancelled counts; past a deadline nobody sees it.
/// Of one task; can be copied and handed to the task's threads. Outside of a pool's task it never stops. A
/// look costs one load.

#include <atomic>
#include <brood/detail/std_parts.hpp>
#include <brood/timeout.hpp>
#include <cstdint>

namespace brood {

class StopToken {
 public:
  /// One that is never asked to stop.
  StopToken() = default;
  /// For brood: the task `number` is to stop when the word says its number.
  StopToken(const std::atomic<std::uint32_t>& word, std::uint32_t number) : word_(&word), number_(number) {}

  /// The task has been asked to stop.
  bool stop_requested() const {
    return word_ != nullptr && word_->load(std::memory_order_acquire) == number_;
  }
  /// Sleeps until the task is asked to stop. False when it has not been within the timeout. For tasks that
  /// would otherwise sleep or poll.
  bool wait_for(Timeout timeout) const;
  /// As wait_for, until that moment.
  template <class Clock, class D>
  bool wait_until(std::chrono::time_point<Clock, D> when) const {
    return wait_for(Timeout::until(when));
  }

 private:
  const std::atomic<std::uint32_t>* word_ = nullptr;
  std::uint32_t number_ = 0;
};

}  // namespace brood
