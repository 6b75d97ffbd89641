#pragma once
/// Future: the result of a task that runs elsewhere, or why there is none.
///
/// Move-only. Any thread may use it, one at a time. Destroying it does not wait and does not stop the task; a
/// failure that nobody has looked at by then is reported on stderr, once, when the pool ends.

#include <brood/codec.hpp>
#include <brood/detail/deadline.hpp>
#include <brood/detail/record.hpp>
#include <brood/task_errors.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace brood {

/// Why a task failed: its exception, with a text at hand.
class Failure {
 public:
  explicit Failure(std::exception_ptr error);
  const char* what() const noexcept { return what_.c_str(); }
  /// The name of the exception's type.
  const std::string& type() const noexcept { return type_; }
  const std::exception_ptr& exception() const noexcept { return error_; }
  [[noreturn]] void rethrow() const { std::rethrow_exception(error_); }

 private:
  std::exception_ptr error_;
  std::string what_, type_;
};

/// A value or a Failure.
template <class R>
class Outcome {
 public:
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  Outcome(Value value) : value_(std::move(value)) {}          // NOLINT: meant to convert
  Outcome(Failure failure) : failure_(std::move(failure)) {}  // NOLINT
  explicit operator bool() const { return value_.has_value(); }
  /// The value; throws the task's exception when there is none.
  Value& value() & {
    if (!value_) failure_->rethrow();
    return *value_;
  }
  Value&& value() && {
    if (!value_) failure_->rethrow();
    return std::move(*value_);
  }
  Value& operator*() & { return value(); }
  Value* operator->() { return &value(); }
  /// Only when there is no value.
  const Failure& error() const { return failure_.value(); }

 private:
  std::optional<Value> value_;
  std::optional<Failure> failure_;
};

template <class R>
class Future {
 public:
  using Result = R;

  Future() = default;
  explicit Future(detail::Record& record) : record_(&record) {}
  Future(Future&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  Future& operator=(Future&& other) noexcept {
    if (this != &other) {
      drop();
      record_ = std::exchange(other.record_, nullptr);
    }
    return *this;
  }
  ~Future() { drop(); }

  /// False for one that was moved from or made empty; all else then throws UsageError.
  bool valid() const { return record_ != nullptr; }

  /// Waits and returns the result, or throws what the task threw. May be called again (not for results that
  /// hold queues).
  R get() {
    wait_until(detail::Deadline::never());
    return take();
  }
  /// Throws TimeoutError when it is not there in time; the task goes on, and get may be called again.
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> timeout) {
    if (!wait(timeout)) throw TimeoutError("the result is not there yet; the task goes on");
    return take();
  }

  /// Waits for the end of the task, good or bad.
  void wait() { wait_until(detail::Deadline::never()); }
  /// True when the task has ended.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) {
    return wait_until(detail::Deadline::in(timeout));
  }

  /// The task has ended. Looks, does not wait.
  bool ready() { return wait_until(detail::Deadline::now()); }
  /// The same without taking results in on behalf of others; for machinery.
  bool is_done() const { return record_ != nullptr && record_->is_done(); }
  const detail::Record* record() const { return record_; }
  /// It ended without an exception. Throws UsageError when it has not ended.
  bool successful() {
    if (!ready())
      throw UsageError("successful() of a task that has not ended; ask ready() or call wait() first");
    record_->word.fetch_or(detail::Record::looked, std::memory_order_relaxed);
    return record_->error == nullptr;
  }

  /// Waits, then a value or a Failure; throws nothing of the task's.
  Outcome<R> outcome() {
    wait_until(detail::Deadline::never());
    try {
      if constexpr (std::is_void_v<R>) {
        take();
        return std::monostate{};
      } else {
        return take();
      }
    } catch (...) {
      return Failure(std::current_exception());
    }
  }

  /// Calls f(outcome) once the task has ended: in a helper thread of the pool, or here and now when it has
  /// ended already. What f throws is reported on stderr and harms nothing. The Future need not stay until
  /// then.
  template <class F>
  void add_done_callback(F f) {
    static_assert(std::is_invocable_v<F&, Outcome<R>>, "brood: a callback takes an Outcome<R>");
    check();
    add_callback(*record_, [record = record_, f = std::move(f)]() mutable {
      Future view(*record);
      auto outcome = view.outcome();
      view.record_ = nullptr;
      f(std::move(outcome));
    });
  }

 private:
  static void add_callback(detail::Record& record, std::function<void()> f);
  void check() const {
    if (record_ == nullptr)
      throw UsageError("this Future is empty: it was moved from, or never given a task");
  }
  bool wait_until(detail::Deadline until) {
    check();
    return record_->is_done() || record_->source->wait(*record_, until);
  }
  R take() {
    record_->word.fetch_or(detail::Record::looked, std::memory_order_relaxed);
    if (record_->error) std::rethrow_exception(record_->error);
    if constexpr (!std::is_void_v<R>) {
      Reader from(record_->data(), record_->bytes());
      if (record_->names == 0) return detail::decode_whole<R>(from);
      detail::Names names;
      if (!record_->take_names(names)) throw UsageError("a result that holds queues can be taken once");
      const detail::GiveBackRest rest{names, from};
      return detail::decode_whole<R>(from);
    }
  }
  void drop() {
    if (record_ != nullptr) detail::drop_record(*std::exchange(record_, nullptr));
  }
  detail::Record* record_ = nullptr;
};

namespace detail {
void add_callback(Record& record, std::function<void()> f);
}
template <class R>
void Future<R>::add_callback(detail::Record& record, std::function<void()> f) {
  detail::add_callback(record, std::move(f));
}

}  // namespace brood
