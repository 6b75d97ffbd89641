#pragma once
/// Future: the result of a task that runs elsewhere, or why there is none.
///
///   brood::Future<int> sum = pool.apply_async(add, 1, 2);
///   if (!sum.wait(100ms)) std::puts("still at work");
///   int three = sum.get();                            // the result, or what the task threw
///   if (auto outcome = sum.outcome()) use(*outcome);  // or without exceptions
///
/// Move-only. Any thread may use it, one at a time. Destroying it does not wait and does not stop the task; a
/// failure that nobody has looked at by then is reported on stderr, once, when the pool ends. Timeouts of
/// zero or less do not wait. In a copy of its process, made by fork, all but destroying it throws UsageError.
///
/// How a task can fail: <brood/task_errors.hpp>. Cost: no allocation for a result of up to 64 bytes; one of
/// more than 208 bytes lies in shared memory until its Future goes, and get decodes it from there.

#include <brood/call_options.hpp>
#include <brood/codec.hpp>
#include <brood/detail/deadline.hpp>
#include <brood/detail/record.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/task_errors.hpp>
#include <brood/timeout.hpp>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood {

/// Why a task failed: its exception, with a text at hand. Can be copied and kept as long as one likes.
///
///   if (auto outcome = future.outcome(); !outcome)
///     log(outcome.error().type(), outcome.error().what());
class Failure {
 public:
  /// Of any exception.
  explicit Failure(std::exception_ptr error);
  /// Its what(); for one that is no std::exception a sentence that says so, with its value where it is a
  /// number or a text.
  const char* what() const noexcept { return what_.c_str(); }
  /// The name of the exception's type, as the task threw it: "std::out_of_range".
  const std::string& type() const noexcept { return type_; }
  /// The exception itself.
  const std::exception_ptr& exception() const noexcept { return error_; }
  /// Throws it, for `catch` to sort out: WorkerDied, RemoteError, the task's own type.
  [[noreturn]] void rethrow() const { std::rethrow_exception(error_); }

 private:
  std::exception_ptr error_;
  std::string what_, type_;
};

/// A value or a Failure: what `.outcomes()` of a lazy map, Future::outcome and callbacks give.
///
///   for (auto&& [file, pages] : pool.imap(count_pages, files).outcomes())
///     if (pages) total += *pages; else std::puts(pages.error().what());
template <class R>
class Outcome {
 public:
  /// R; std::monostate for tasks that return nothing.
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  /// A task that has returned.
  Outcome(Value value) : value_(std::move(value)) {}  // NOLINT: meant to convert
  /// A task that has failed.
  Outcome(Failure failure) : failure_(std::move(failure)) {}  // NOLINT
  /// True when there is a value.
  explicit operator bool() const { return value_.has_value(); }
  /// The value; throws the task's exception when there is none.
  Value& value() & {
    if (!value_) failure_->rethrow();
    return *value_;
  }
  /// As value(), of an Outcome that is given up: the value may be moved out.
  Value&& value() && {
    if (!value_) failure_->rethrow();
    return std::move(*value_);
  }
  /// As value().
  Value& operator*() & { return value(); }
  /// A member of value().
  Value* operator->() { return &value(); }
  /// Why there is none. Throws std::bad_optional_access when there is a value.
  const Failure& error() const { return failure_.value(); }

 private:
  std::optional<Value> value_;
  std::optional<Failure> failure_;
};

template <class R>
class Future {
 public:
  /// What the task returns.
  using Result = R;

  /// One without a task: valid() is false.
  Future() = default;
  /// For executors.
  explicit Future(detail::Record& record) : record_(&record) {}
  /// Takes the task over; `other` is empty afterwards.
  Future(Future&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  /// Takes the task over; the one that this Future had is let go, as by its destruction.
  Future& operator=(Future&& other) noexcept {
    if (this != &other) {
      drop();
      record_ = std::exchange(other.record_, nullptr);
    }
    return *this;
  }
  /// Lets the task go: it runs on, its result is dropped.
  ~Future() { drop(); }

  /// False for one that was moved from or made empty; all else then throws UsageError.
  bool valid() const { return record_ != nullptr; }

  /// Waits and returns the result, or throws what the task threw; WorkerDied when its process ended in the
  /// middle of it, DeadlineExceeded, Cancelled, PoolTerminated, PoolBroken, DecodeError when the bytes are no
  /// R. TimeoutError, which names the task, when it has not ended within the timeout: it goes on, and get may
  /// be called again. May be called again after a result too, and decodes again (a result that holds queues
  /// can be taken once: then UsageError).
  R get(Timeout timeout = {}) {
    wait_or_throw(timeout);
    return take();
  }
  /// Waits until that moment; throws as get.
  template <class Clock, class D>
  R get_until(std::chrono::time_point<Clock, D> when) {
    return get(Timeout::until(when));
  }

  /// Waits for the end of the task, good or bad. False when it has not ended within the timeout.
  bool wait(Timeout timeout = {}) { return wait_by(timeout.deadline()); }
  /// Waits until that moment. False when the task has not ended by then.
  template <class Clock, class D>
  bool wait_until(std::chrono::time_point<Clock, D> when) {
    return wait(Timeout::until(when));
  }

  /// The task has ended. Looks, does not wait.
  bool ready() { return wait_by(detail::Deadline::now()); }
  /// For brood: as ready(), without taking results in on behalf of others.
  bool is_done() const { return record_ != nullptr && record_->is_of_this_process() && record_->is_done(); }
  /// For executors.
  detail::Record* record() const { return record_; }
  /// It ended without an exception. Does not wait: throws UsageError when it has not ended.
  bool successful() {
    if (!ready())
      throw UsageError("successful() of a task that has not ended; ask ready() or call wait() first");
    return thrown() == nullptr;
  }

  /// A worker is at it now. Looks, does not wait. Of a task that was submitted from inside a task of the same
  /// pool: false, it is not known there.
  bool running() {
    check();
    return !record_->is_done() && record_->source->running(*record_);
  }
  /// As ready(): the name that concurrent.futures has for it.
  bool done() { return ready(); }
  /// As get(timeout): the name that concurrent.futures has for it.
  R result(Timeout timeout = {}) { return get(timeout); }
  /// Waits, then what the task threw; null when it returned. It counts as looked at. TimeoutError when the
  /// task has not ended within the timeout.
  std::exception_ptr exception(Timeout timeout = {}) {
    wait_or_throw(timeout);
    return thrown();
  }

  /// True when the task had not begun: it never will, and get() throws Cancelled. False for a task that runs:
  /// it is asked to stop (this_worker::stop_token()) and goes on as it likes, and its result counts. With
  /// CancelMode::kill it is ended, with its process and all that has started: true, and get() throws
  /// Cancelled; the worker is replaced, and no other task notices. False for a task that has ended, and
  /// inside a task of the same pool, which passes the request on. Does not wait.
  bool cancel(CancelMode mode = CancelMode::ask) {
    check();
    return !record_->is_done() && record_->source->cancel(*record_, mode == CancelMode::kill);
  }

  /// Waits, then a value or a Failure; throws nothing of the task's. The failure counts as looked at.
  Outcome<R> outcome() {
    wait_by(detail::Deadline::never());
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
  /// then. UsageError for an empty one.
  ///
  /// That thread runs f with the signal mask of the thread that made the pool, as one that the latter had
  /// made: programs that f starts have it, and a signal to the program may be handled there. At all other
  /// times no signal is delivered to brood's threads.
  ///
  ///   future.add_done_callback([](brood::Outcome<int> sum) { if (sum) std::printf("%d\n", *sum); });
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
    if (record_ == nullptr || !record_->is_of_this_process()) detail::refuse_record(record_);
  }
  void wait_or_throw(Timeout timeout) {
    if (!wait(timeout)) detail::throw_timeout(*record_, timeout.span());
  }
  bool wait_by(detail::Deadline until) {
    check();
    return record_->is_done() || record_->source->wait(*record_, until);
  }
  R take() {
    if (record_->error) std::rethrow_exception(thrown());
    if constexpr (!std::is_void_v<R>) {
      Reader from(record_->data(), record_->bytes());
      if (record_->names == 0) return detail::decode_whole<R>(from);
      detail::Names names;
      if (!record_->take_names(names)) throw UsageError("a result that holds queues can be taken once");
      const detail::HeldNames held(std::move(names));
      return detail::decode_whole<R>(from);
    }
  }
  std::exception_ptr thrown() {
    if (record_->error) record_->word.fetch_or(detail::Record::looked, std::memory_order_relaxed);
    return record_->error;
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

namespace detail {

/// Null for those that are empty.
template <class R>
std::vector<Record*> records_of(const std::vector<Future<R>>& futures) {
  std::vector<Record*> records;
  records.reserve(futures.size());
  for (const auto& future : futures) records.push_back(future.record());
  return records;
}

}  // namespace detail

}  // namespace brood
