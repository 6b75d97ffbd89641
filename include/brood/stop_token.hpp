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
#include <brood/detail/deadline.hpp>
#include <brood/detail/std_parts.hpp>
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
  /// Sleeps until the task is asked to stop, at most this long; true when it has been asked. For tasks that
  /// would otherwise sleep or poll.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> longest) const {
    return wait_until(detail::Deadline::in(longest));
  }

 private:
  bool wait_until(detail::Deadline until) const;
  const std::atomic<std::uint32_t>* word_ = nullptr;
  std::uint32_t number_ = 0;
};

}  // namespace brood
