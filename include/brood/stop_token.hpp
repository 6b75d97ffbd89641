#pragma once
/// StopToken: tells a task to stop, because its deadline has passed or it has been cancelled.
///
///   long search(std::string word) {
///     const brood::StopToken stop = brood::this_worker::stop_token();
///     long n = 0;
///     while (!stop.stop_requested()) look_at(n++, word);
///     return n;
///   }
///
/// The result of a task that returns after being cancelled counts; the result of one that returns after its
/// deadline is dropped. A token belongs to one task; it can be copied and handed to the task's threads.
/// Outside a pool's task it never requests a stop. Checking a token costs one load.

#include <atomic>
#include <brood/detail/std_parts.hpp>
#include <brood/timeout.hpp>
#include <cstdint>

namespace brood {

class StopToken {
 public:
  /// Makes a token that never requests a stop.
  StopToken() = default;
  /// For brood: the task `number` is to stop when `word` holds that number.
  StopToken(const std::atomic<std::uint32_t>& word, std::uint32_t number) : word_(&word), number_(number) {}

  /// True when the task has been asked to stop.
  bool stop_requested() const {
    return word_ != nullptr && word_->load(std::memory_order_acquire) == number_;
  }
  /// Sleeps until the task is asked to stop. False when that has not happened within the timeout. Use it in
  /// tasks that would otherwise sleep or poll.
  bool wait_for(Timeout timeout) const;
  /// Sleeps until the task is asked to stop or the given moment has come. False when the task was not asked
  /// to stop by then.
  template <class Clock, class D>
  bool wait_until(std::chrono::time_point<Clock, D> when) const {
    return wait_for(Timeout::until(when));
  }

 private:
  const std::atomic<std::uint32_t>* word_ = nullptr;
  std::uint32_t number_ = 0;
};

}  // namespace brood
