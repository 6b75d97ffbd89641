#pragma once
/// Waiting for many futures: wait and as_completed, as Python's concurrent.futures has them.
///
///   std::vector<brood::Future<Page>> pages;
///   for (const auto& file : files) pages.push_back(pool.apply_async(parse, file));
///   for (auto& page : brood::as_completed(pages)) show(page.get());   // the quickest first
///
/// The futures stay where they are, in the caller's vector, which must not change meanwhile; they may be of
/// different pools. One thread at a time may wait with a Future.

#include <brood/detail/std_parts.hpp>
#include <brood/errors.hpp>
#include <brood/future.hpp>
#include <cstddef>
#include <string>
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

/// Until one of them is done; false when the deadline has passed before. At once, and true, when there is
/// none.
bool wait_for_any(const std::vector<const Record*>& records, Deadline until);

template <class R>
const Record& record_of(const Future<R>& future) {
  if (!future.valid())
    throw UsageError("one of the futures is empty: it was moved from, or never given a task");
  return *future.record();
}

template <class R>
Waited wait(std::vector<Future<R>>& futures, When when, Deadline until) {
  for (bool in_time = true;;) {
    Waited now;
    std::vector<const Record*> open;
    bool failed = false;
    for (std::size_t i = 0; i < futures.size(); ++i) {
      const Record& record = record_of(futures[i]);
      const bool done = record.is_done();
      failed = failed || (done && record.error != nullptr);
      (done ? now.done : now.not_done).push_back(i);
      if (!done) open.push_back(&record);
    }
    const bool enough = open.empty() || (when == When::first_completed && !now.done.empty()) ||
                        (when == When::first_exception && failed);
    if (enough || !in_time) return now;
    in_time = wait_for_any(open, until);
  }
}

}  // namespace detail

/// Waits until what `when` says is so, and tells which have ended and which have not. Throws nothing of the
/// tasks'. UsageError when one of the futures is empty.
template <class R>
Waited wait(std::vector<Future<R>>& futures, When when = When::all_completed) {
  return detail::wait(futures, when, detail::Deadline::never());
}
/// The same, at most so long.
template <class R, class Rep, class Period>
Waited wait(std::vector<Future<R>>& futures, When when, std::chrono::duration<Rep, Period> timeout) {
  return detail::wait(futures, when, detail::Deadline::in(timeout));
}

namespace detail {

/// What as_completed returns: a range to go over once, of references into the vector.
template <class R>
class AsCompleted {
 public:
  AsCompleted(std::vector<Future<R>>& futures, Deadline until) : futures_(futures), until_(until) {
    for (std::size_t i = 0; i < futures.size(); ++i) {
      static_cast<void>(record_of(futures[i]));
      open_.push_back(i);
    }
  }

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
    while (given_ == ready_.size()) {
      if (open_.empty()) return nullptr;
      ready_.clear();
      given_ = 0;
      std::vector<std::size_t> still;
      std::vector<const Record*> records;
      for (const auto i : open_) {
        const auto& record = record_of(futures_[i]);
        const bool done = record.is_done();
        (done ? ready_ : still).push_back(i);
        if (!done) records.push_back(&record);
      }
      open_.swap(still);
      if (ready_.empty() && !wait_for_any(records, until_)) {
        throw TimeoutError(std::to_string(open_.size()) + " (of " + std::to_string(futures_.size()) +
                           ") tasks have not ended in time; they go on");
      }
    }
    return &futures_[ready_[given_++]];
  }

  std::vector<Future<R>>& futures_;
  Deadline until_;
  std::vector<std::size_t> open_, ready_;
  std::size_t given_ = 0;
};

}  // namespace detail

/// Each future once, in the order in which their tasks end (those that have ended already in the vector's).
/// Its index: `&future - futures.data()`. UsageError when one is empty.
template <class R>
detail::AsCompleted<R> as_completed(std::vector<Future<R>>& futures) {
  return detail::AsCompleted<R>(futures, detail::Deadline::never());
}
/// The same, all together within so long from this call; then the iteration throws TimeoutError, which tells
/// how many are missing.
template <class R, class Rep, class Period>
detail::AsCompleted<R> as_completed(std::vector<Future<R>>& futures,
                                    std::chrono::duration<Rep, Period> timeout) {
  return detail::AsCompleted<R>(futures, detail::Deadline::in(timeout));
}

}  // namespace brood
