#pragma once
/// Executor: the concept of something that runs tasks. Pool is one; so is SerialExecutor, which runs them in
/// the calling thread. An algorithm written for any Executor (such as copy_tree) works with both.
///
///   template <brood::Executor E>
///   int sum_of_squares(E& executor, int n) {
///     std::vector<brood::Future<int>> futures;
///     for (int i = 0; i < n; ++i) futures.push_back(executor.apply_async(square, i));
///     int sum = 0;
///     for (auto& future : futures) sum += future.get();
///     return sum;
///   }

#include <brood/detail/std_parts.hpp>
#include <brood/future.hpp>
#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

namespace brood {

namespace detail {
int probe(int);
}

template <class E>
concept Executor = requires(E& e, std::vector<Future<int>>& futures) {
  { e.apply_async(&detail::probe, 1) } -> std::same_as<Future<int>>;
  // Waits until a future is ready and returns its index.
  { e.wait_any(futures) } -> std::same_as<std::size_t>;
  { e.size() } -> std::same_as<int>;
};

/// Runs each task at once in the calling thread. Meant for a single process and for debugging: arguments are
/// not encoded, and a crash ends the program. Any thread may use it, if the tasks permit that.
///
///   brood::SerialExecutor here;
///   brood::CopyReport report = brood::copy_tree(here, "photos", "backup/photos");
class SerialExecutor {
 public:
  /// Calls f(args...) immediately. The Future is ready when apply_async returns; it holds an exception thrown
  /// by f unchanged, without a RemoteTrace. The result must be able to travel.
  template <class F, class... Args>
  auto apply_async(F&& f, Args&&... args) {
    using R = std::decay_t<std::invoke_result_t<F&, Args...>>;
    detail::Record& record = detail::take_record(source());
    try {
      if constexpr (std::is_void_v<R>) {
        detail::invoke(f, std::forward<Args>(args)...);
      } else {
        const R result = detail::invoke(f, std::forward<Args>(args)...);
        detail::keep_value(record, result);
      }
    } catch (...) {
      record.error = std::current_exception();
    }
    detail::finish_record(record);
    return Future<R>(record);
  }
  /// Returns 0: every future of this executor is ready.
  template <class R>
  std::size_t wait_any(std::vector<Future<R>>&) {
    return 0;
  }
  /// Returns 1: one task runs at a time.
  int size() const { return 1; }

 private:
  static detail::TaskSource& source();
};

}  // namespace brood
