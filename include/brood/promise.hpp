#pragma once
/// Promise: a Future whose result somebody of this process sets, for what is no task: a reply over the
/// network, an executor of one's own, a test.
///
///   brood::Promise<int> promise;
///   brood::Future<int> future = promise.get_future();
///   std::thread([promise = std::move(promise)]() mutable { promise.set_result(42); }).detach();
///   future.get();   // 42
///
/// All that takes futures takes these too: wait, as_completed, progress. A Promise is one thread's at a time,
/// its Future another's. A value is kept as it would travel, so R must be able to.

#include <brood/errors.hpp>
#include <brood/future.hpp>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {

/// What a promise has until it is kept. The record is given back by whoever comes last, so another promise
/// may have it by then: the number tells.
struct Promised {
  Record* record = nullptr;
  std::uint64_t number = 0;
};
Promised make_promise();
/// It can no more be cancelled. False when it has been: then it is done.
bool begin_promise(const Promised& promised);
/// After begin_promise, and what the record is to have is there.
void end_promise(const Promised& promised, const std::exception_ptr& error);
[[noreturn]] void refuse_null_exception();

}  // namespace detail

template <class R>
class Promise {
 public:
  /// With a Future that waits.
  Promise() : promised_(detail::make_promise()), future_(*promised_.record) {}
  /// The other one is empty then: only good to be destroyed or assigned to.
  Promise(Promise&& other) noexcept
      : promised_(std::exchange(other.promised_, {})), future_(std::move(other.future_)) {}
  /// Takes the promise over; what this one had promised fails, as by its destruction.
  Promise& operator=(Promise&& other) noexcept {
    if (this != &other) {
      abandon();
      promised_ = std::exchange(other.promised_, {});
      future_ = std::move(other.future_);
    }
    return *this;
  }
  /// Without a result the Future throws UsageError.
  ~Promise() { abandon(); }

  /// Its Future. Throws UsageError the second time.
  Future<R> get_future() {
    if (!future_.valid()) throw UsageError("get_future() was called before: a promise has one Future");
    return std::move(future_);
  }
  /// From now on it cannot be cancelled, and running() says so. False when it has been cancelled: nobody
  /// wants the result, and setting it does nothing.
  bool set_running() { return detail::begin_promise(unkept()); }
  /// The Future has it. Does nothing after a cancel; UsageError the second time. Throws what encoding throws,
  /// and may then be called again.
  template <class T = R>
    requires(!std::is_void_v<R>)
  void set_result(const std::type_identity_t<T>& value) {
    if (detail::begin_promise(unkept())) {
      detail::keep_value<R>(*promised_.record, value);
      detail::end_promise(promised_, nullptr);
    }
    promised_ = {};
  }
  /// Ends the task of a Promise<void>.
  void set_result()
    requires(std::is_void_v<R>)
  {
    end(nullptr);
  }
  /// The Future throws it: `promise.set_exception(std::current_exception())`. Throws UsageError for a null
  /// pointer, which is no exception; the promise can still be kept then.
  void set_exception(const std::exception_ptr& error) {
    if (!error) detail::refuse_null_exception();
    end(error);
  }

 private:
  const detail::Promised& unkept() const {
    if (promised_.record == nullptr) throw UsageError("this promise has a result already, or was moved from");
    if (!promised_.record->is_of_this_process()) detail::refuse_record(promised_.record);
    return promised_;
  }
  void end(const std::exception_ptr& error) {
    if (detail::begin_promise(unkept())) detail::end_promise(promised_, error);
    promised_ = {};
  }
  void abandon() {
    if (promised_.record == nullptr || !promised_.record->is_of_this_process()) return;
    set_exception(std::make_exception_ptr(UsageError("the promise of this Future went without a result")));
  }

  detail::Promised promised_;  // until it is kept
  Future<R> future_;
};

}  // namespace brood
