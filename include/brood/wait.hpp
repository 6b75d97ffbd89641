#pragma once
/// Waiting for many futures: wait and as_completed, as Python's concurrent.futures has them.
///
///   std::vector<brood::Future<Page>> pages;
///   for (const auto& file : files) pages.push_back(pool.apply_async(parse, file));
///   for (auto& page : brood::as_completed(pages)) show(page.get());   // the quickest first
///
/// The futures stay where they are, in the caller's vector, which must not change meanwhile; they may be of
/// different pools. One thread at a time may wait with a Future. Cost: as_completed looks at each future
/// twice in all, so that the next one costs the same whether a hundred are open or a million; each call of
/// wait looks at all that it is given.

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
  /// The end of all of them.
  all_completed,
  /// The end of one.
  first_completed,
  /// An exception of one, or the end of all.
  first_exception,
};

/// What wait() returns: indices into the vector that was passed, in its order.
struct Waited {
  /// Of those whose task has ended, good or bad.
  std::vector<std::size_t> done;
  /// Of the others.
  std::vector<std::size_t> not_done;
};

namespace detail {

/// UsageError where a record is null.
Waited wait(const std::vector<Record*>& records, When when, Deadline until);

}  // namespace detail

/// Waits until what `when` says is so, and tells which have ended and which have not. Throws nothing of the
/// tasks', and returns what is so when the timeout is over. UsageError when one of the futures is empty.
template <class R>
Waited wait(std::vector<Future<R>>& futures, When when = When::all_completed, Timeout timeout = {}) {
  return detail::wait(detail::records_of(futures), when, timeout.deadline());
}
/// As wait, until that moment.
template <class R, class Clock, class D>
Waited wait_until(std::vector<Future<R>>& futures, When when, std::chrono::time_point<Clock, D> moment) {
  return wait(futures, when, Timeout::until(moment));
}

namespace detail {

/// Returns its argument; UsageError where a record is null.
const std::vector<Record*>& require_valid(const std::vector<Record*>& records);
/// The place of the next one that has ended; TimeoutError, which says how many of how many are missing.
std::size_t take_next(Watch& watch, Deadline until, std::size_t missing, std::size_t all);

/// What as_completed returns: a range to go over once, of references into the vector.
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

/// Each future once, in the order in which their tasks end (those that have ended already in the vector's).
/// Its index: `&future - futures.data()`. The timeout is for all together, from this call on: when it is over
/// the iteration throws TimeoutError, which says how many are missing. UsageError when one is empty.
template <class R>
detail::AsCompleted<R> as_completed(std::vector<Future<R>>& futures, Timeout timeout = {}) {
  return detail::AsCompleted<R>(futures, timeout.deadline());
}
/// As as_completed, until that moment.
template <class R, class Clock, class D>
detail::AsCompleted<R> as_completed_until(std::vector<Future<R>>& futures,
                                          std::chrono::time_point<Clock, D> moment) {
  return as_completed(futures, Timeout::until(moment));
}

}  // namespace brood
