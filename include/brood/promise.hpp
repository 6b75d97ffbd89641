#pragma once
/// Promise: makes a Future whose result code in this process sets, for work that is not a pool's task: a
/// reply over the network, an executor of your own, a test.
///
///   brood::Promise<int> promise;
///   brood::Future<int> future = promise.get_future();
///   std::thread([promise = std::move(promise)]() mutable { promise.set_result(42); }).detach();
///   future.get();   // 42
///
/// Its Future works wherever futures do: wait, as_completed, progress. A Promise may be used by one thread at
/// a time, and its Future by another. The value is stored in encoded form, so R must be able to travel.

#include <brood/errors.hpp>
#include <brood/future.hpp>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {

/// The record of a promise that has no result yet. The last user releases the record, and then another
/// promise may get it: the number tells whether it is still this promise's.
struct Promised {
  Record* record = nullptr;
  std::uint64_t number = 0;
};
Promised make_promise();
/// Makes the promise uncancellable. False when it was cancelled before: then the record is done.
bool begin_promise(const Promised& promised);
/// Completes the record. Call it after begin_promise, once the record holds the result.
void end_promise(const Promised& promised, const std::exception_ptr& error);
[[noreturn]] void refuse_null_exception();

}  // namespace detail

template <class R>
class Promise {
 public:
  /// Makes a promise and its Future, which is not ready.
  Promise() : promised_(detail::make_promise()), future_(*promised_.record) {}
  /// Takes over the promise; `other` may then only be destroyed or assigned to.
  Promise(Promise&& other) noexcept
      : promised_(std::exchange(other.promised_, {})), future_(std::move(other.future_)) {}
  /// Takes over the promise of `other`; a Future that this one still owed a result fails, as by destruction.
  Promise& operator=(Promise&& other) noexcept {
    if (this != &other) {
      abandon();
      promised_ = std::exchange(other.promised_, {});
      future_ = std::move(other.future_);
    }
    return *this;
  }
  /// Breaks the promise if no result was set: its Future then throws UsageError.
  ~Promise() { abandon(); }

  /// Returns the Future of this promise. Throws UsageError the second time.
  Future<R> get_future() {
    if (!future_.valid()) throw UsageError("get_future() was called before: a promise has one Future");
    return std::move(future_);
  }
  /// Marks the promise as running: from now on it cannot be cancelled, and Future::running() is true. False
  /// when it has already been cancelled: nobody wants the result, and setting one has no effect.
  bool set_running() { return detail::begin_promise(unkept()); }
  /// Sets the Future's result. Has no effect after a cancel; throws UsageError the second time. Throws what
  /// encoding throws, and may then be called again.
  template <class T = R>
    requires(!std::is_void_v<R>)
  void set_result(const std::type_identity_t<T>& value) {
    if (detail::begin_promise(unkept())) {
      detail::keep_value<R>(*promised_.record, value);
      detail::end_promise(promised_, nullptr);
    }
    promised_ = {};
  }
  /// Makes the Future of a Promise<void> ready.
  void set_result()
    requires(std::is_void_v<R>)
  {
    end(nullptr);
  }
  /// Sets the exception that the Future throws: `promise.set_exception(std::current_exception())`. Throws
  /// UsageError for a null pointer; the promise may then still be given a result.
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

  detail::Promised promised_;  // empty once a result has been set
  Future<R> future_;
};

}  // namespace brood
