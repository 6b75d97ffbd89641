#pragma once
/// wait and as_completed: waiting for many futures, as in Python's concurrent.futures.
///
///   std::vector<brood::Future<Page>> pages;
///   for (const auto& file : files) pages.push_back(pool.apply_async(parse, file));
///   for (auto& page : brood::as_completed(pages)) show(page.get());   // in order of completion
///
/// The futures stay in the caller's vector, which must not change during the wait; they may belong to
/// different pools. Only one thread at a time may wait for a given Future. Cost: as_completed examines each
/// future twice in total, so getting the next one costs the same whether a hundred are pending or a million;
/// each call of wait examines all the futures it is given.

#include <brood/detail/std_parts.hpp>
#include <brood/detail/watch.hpp>
#include <brood/future.hpp>
#include <brood/timeout.hpp>
#include <cstddef>
#include <iterator>
#include <vector>

namespace brood {

/// What wait() waits for.
enum class When {
  /// Until all tasks have ended.
  all_completed,
  /// Until one task has ended.
  first_completed,
  /// Until one task has failed or all have ended.
  first_exception,
};

/// What wait() returns: indices into the vector that was passed, in its order.
struct Waited {
  /// Indices of the futures whose task has ended, successfully or not.
  std::vector<std::size_t> done;
  /// Indices of the other futures.
  std::vector<std::size_t> not_done;
};

namespace detail {

/// Waits as brood::wait does. Throws UsageError when a record is null.
Waited wait(const std::vector<Record*>& records, When when, Deadline until);

}  // namespace detail

/// Waits until the condition `when` holds or the timeout is over, and returns which tasks have ended and
/// which have not. Does not throw the tasks' exceptions. Throws UsageError when one of the futures is empty.
template <class R>
Waited wait(std::vector<Future<R>>& futures, When when = When::all_completed, Timeout timeout = {}) {
  return detail::wait(detail::records_of(futures), when, timeout.deadline());
}
/// Waits like wait(), until the given moment at the latest.
template <class R, class Clock, class D>
Waited wait_until(std::vector<Future<R>>& futures, When when, std::chrono::time_point<Clock, D> moment) {
  return wait(futures, when, Timeout::until(moment));
}

namespace detail {

/// Returns its argument; throws UsageError when a record is null.
const std::vector<Record*>& require_valid(const std::vector<Record*>& records);
/// Waits for the next record that ends and returns its index. Throws TimeoutError, which says how many of how
/// many are missing.
std::size_t take_next(Watch& watch, Deadline until, std::size_t missing, std::size_t all);

/// What as_completed returns: a single-pass range of references into the vector.
template <class R>
class AsCompleted {
 public:
  AsCompleted(std::vector<Future<R>>& futures, Deadline until)
      : futures_(futures),
        watch_(std::make_unique<Watch>(require_valid(records_of(futures)))),
        until_(until) {}

  class iterator {
   public:
    using value_type = Future<R>;
    using difference_type = std::ptrdiff_t;
    explicit iterator(AsCompleted* all) : all_(all) { ++*this; }
    Future<R>& operator*() const { return *now_; }
    Future<R>* operator->() const { return now_; }
    iterator& operator++() {
      now_ = all_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return i.now_ == nullptr; }

   private:
    AsCompleted* all_;
    Future<R>* now_ = nullptr;
  };
  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() { return {}; }

 private:
  Future<R>* next() {
    if (given_ == futures_.size()) return nullptr;
    const auto place = take_next(*watch_, until_, futures_.size() - given_, futures_.size());
    ++given_;
    return &futures_[place];
  }

  std::vector<Future<R>>& futures_;
  std::unique_ptr<Watch> watch_;
  Deadline until_;
  std::size_t given_ = 0;
};

}  // namespace detail

/// Returns a range that yields each future once, in the order in which their tasks end; tasks that have ended
/// already come in the vector's order. The index of a future is `&future - futures.data()`. The timeout
/// covers the whole iteration and starts with this call: when it expires, the iteration throws TimeoutError,
/// which says how many are missing. UsageError when a future is empty.
template <class R>
detail::AsCompleted<R> as_completed(std::vector<Future<R>>& futures, Timeout timeout = {}) {
  return detail::AsCompleted<R>(futures, timeout.deadline());
}
/// Yields each future as as_completed does, until the given moment.
template <class R, class Clock, class D>
detail::AsCompleted<R> as_completed_until(std::vector<Future<R>>& futures,
                                          std::chrono::time_point<Clock, D> moment) {
  return as_completed(futures, Timeout::until(moment));
}

}  // namespace brood
