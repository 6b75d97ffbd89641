#pragma once
/// Future: the result of a task that runs elsewhere, or the reason why there is none.
///
///   brood::Future<int> sum = pool.apply_async(add, 1, 2);
///   if (!sum.wait(100ms)) std::puts("still at work");
///   int three = sum.get();                            // the result, or what the task threw
///   if (auto outcome = sum.outcome()) use(*outcome);  // or without exceptions
///
/// A Future is move-only; any thread may use it, one at a time. Destroying it neither waits for the task nor
/// stops it; a failure that was never examined is reported on stderr, once, when the pool ends. Timeouts of
/// zero or less do not wait. In a forked copy of its process, every operation except destruction throws
/// UsageError.
///
/// For the ways a task can fail see <brood/task_errors.hpp>. Cost: no allocation for a result of up to 64
/// bytes; a result of more than 208 bytes stays in shared memory until its Future is destroyed, and get
/// decodes it from there.

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

/// Why a task failed: its exception and the exception's text. A Failure can be copied and kept for any length
/// of time.
///
///   if (auto outcome = future.outcome(); !outcome)
///     log(outcome.error().type(), outcome.error().what());
class Failure {
 public:
  /// Makes a Failure from any exception.
  explicit Failure(std::exception_ptr error);
  /// The exception's what(). For something other than a std::exception, a sentence that says so, with the
  /// value if it is a number or a text.
  const char* what() const noexcept { return what_.c_str(); }
  /// The name of the exception's type, as the task threw it: "std::out_of_range".
  const std::string& type() const noexcept { return type_; }
  /// The exception itself.
  const std::exception_ptr& exception() const noexcept { return error_; }
  /// Rethrows the exception, so that `catch` can tell WorkerDied, RemoteError and the task's own types apart.
  [[noreturn]] void rethrow() const { std::rethrow_exception(error_); }

 private:
  std::exception_ptr error_;
  std::string what_, type_;
};

/// A value or a Failure, as given by `.outcomes()` of a lazy map, by Future::outcome and to callbacks.
///
///   for (auto&& [file, pages] : pool.imap(count_pages, files).outcomes())
///     if (pages) total += *pages; else std::puts(pages.error().what());
template <class R>
class Outcome {
 public:
  /// R; std::monostate for tasks that return nothing.
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  /// The outcome of a task that returned.
  Outcome(Value value) : value_(std::move(value)) {}  // NOLINT: meant to convert
  /// The outcome of a task that failed.
  Outcome(Failure failure) : failure_(std::move(failure)) {}  // NOLINT
  /// True when there is a value.
  explicit operator bool() const { return value_.has_value(); }
  /// The value; throws the task's exception when there is none.
  Value& value() & {
    if (!value_) failure_->rethrow();
    return *value_;
  }
  /// Returns the value of an expiring Outcome, to be moved from; throws the task's exception when there is
  /// none.
  Value&& value() && {
    if (!value_) failure_->rethrow();
    return std::move(*value_);
  }
  /// The value, as value() returns it.
  Value& operator*() & { return value(); }
  /// Accesses a member of value().
  Value* operator->() { return &value(); }
  /// Why there is no value. Throws std::bad_optional_access when there is one.
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

  /// Makes a Future without a task: valid() is false.
  Future() = default;
  /// For executors: makes a Future of the record.
  explicit Future(detail::Record& record) : record_(&record) {}
  /// Takes over the task of `other`, which is empty afterwards.
  Future(Future&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  /// Takes over the task of `other`; this Future's previous task is let go, as by destruction.
  Future& operator=(Future&& other) noexcept {
    if (this != &other) {
      drop();
      record_ = std::exchange(other.record_, nullptr);
    }
    return *this;
  }
  /// Lets the task go: it runs on, and its result is dropped.
  ~Future() { drop(); }

  /// False for a Future that was default-constructed or moved from; every other operation on it throws
  /// UsageError.
  bool valid() const { return record_ != nullptr; }

  /// Waits for the task and returns its result, or throws the exception that the task threw. Throws
  /// WorkerDied when the process ended in the middle of the task, DeadlineExceeded, Cancelled,
  /// PoolTerminated, PoolBroken, or DecodeError when the bytes are not an R. Throws TimeoutError, which names
  /// the task, when the task has not ended within the timeout: the task keeps running, and get may be called
  /// again. get may also be called again after a result, and decodes the result again (except that a result
  /// that holds queues can be taken only once: then UsageError).
  R get(Timeout timeout = {}) {
    wait_or_throw(timeout);
    return take();
  }
  /// Waits until the given moment for the result; returns and throws as get does.
  template <class Clock, class D>
  R get_until(std::chrono::time_point<Clock, D> when) {
    return get(Timeout::until(when));
  }

  /// Waits until the task has ended, successfully or not. False when it has not ended within the timeout.
  bool wait(Timeout timeout = {}) { return wait_by(timeout.deadline()); }
  /// Waits until the given moment for the task's end. False when the task has not ended by then.
  template <class Clock, class D>
  bool wait_until(std::chrono::time_point<Clock, D> when) {
    return wait(Timeout::until(when));
  }

  /// True when the task has ended. Does not wait.
  bool ready() { return wait_by(detail::Deadline::now()); }
  /// For brood: like ready(), but does not process results that have arrived for other futures.
  bool is_done() const { return record_ != nullptr && record_->is_of_this_process() && record_->is_done(); }
  /// For executors: the record behind this Future, null for an empty one.
  detail::Record* record() const { return record_; }
  /// True when the task ended without an exception. Does not wait: throws UsageError when the task has not
  /// ended.
  bool successful() {
    if (!ready())
      throw UsageError("successful() of a task that has not ended; ask ready() or call wait() first");
    return thrown() == nullptr;
  }

  /// True while a worker is running the task. Does not wait. Always false for a task submitted from inside a
  /// task of the same pool, where this is not known.
  bool running() {
    check();
    return !record_->is_done() && record_->source->running(*record_);
  }
  /// True when the task has ended: ready() under its name in concurrent.futures.
  bool done() { return ready(); }
  /// Waits for the task and returns its result: get() under its name in concurrent.futures.
  R result(Timeout timeout = {}) { return get(timeout); }
  /// Waits for the task and returns the exception it threw, or null when it returned. The failure then counts
  /// as examined. Throws TimeoutError when the task has not ended within the timeout.
  std::exception_ptr exception(Timeout timeout = {}) {
    wait_or_throw(timeout);
    return thrown();
  }

  /// Cancels the task, or asks it to stop if it is already running. Returns true when the task had not begun:
  /// it never will, and get() throws Cancelled. Returns false for a running task: the task is asked to stop
  /// (this_worker::stop_token()), may continue as it likes, and its result counts. With CancelMode::kill a
  /// running task is killed, with its process and all programs it has started: cancel returns true, and get()
  /// throws Cancelled; the worker is replaced, and no other task notices. Returns false for a task that has
  /// ended, and inside a task of the same pool, where the request is only passed on. Does not wait.
  bool cancel(CancelMode mode = CancelMode::ask) {
    check();
    return !record_->is_done() && record_->source->cancel(*record_, mode == CancelMode::kill);
  }

  /// Waits for the task and returns its value or a Failure, without throwing the task's exception. The
  /// failure then counts as examined.
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

  /// Calls f(outcome) once the task has ended: in a helper thread of the pool, or immediately in the calling
  /// thread if the task has ended already. An exception thrown by f is reported on stderr and has no other
  /// effect. The Future may be destroyed before the call. Throws UsageError for an empty Future.
  ///
  /// The helper thread runs f with the signal mask of the thread that made the pool, as if that thread had
  /// created it: programs started by f inherit the mask, and a signal to the program may be handled in the
  /// helper thread. At all other times no signal is delivered to brood's threads.
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

/// The records of the futures; null for an empty future.
template <class R>
std::vector<Record*> records_of(const std::vector<Future<R>>& futures) {
  std::vector<Record*> records;
  records.reserve(futures.size());
  for (const auto& future : futures) records.push_back(future.record());
  return records;
}

}  // namespace detail

}  // namespace brood
