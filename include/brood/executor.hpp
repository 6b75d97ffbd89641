#pragma once
/// Executor: what runs tasks. Pool is one; so is SerialExecutor, which runs them here. Algorithms that take
/// any of them (copy_tree) are written once.
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
  // Index of a future that is ready; waits for one.
  { e.wait_any(futures) } -> std::same_as<std::size_t>;
  { e.size() } -> std::same_as<int>;
};

/// Runs each task at once in the calling thread. For one process, and for debugging: arguments do not travel,
/// and a crash is the program's. Any thread may use it, if the tasks bear it.
///
///   brood::SerialExecutor here;
///   brood::CopyReport report = brood::copy_tree(here, "photos", "backup/photos");
class SerialExecutor {
 public:
  /// Calls f(args...) now. The Future is ready when this returns; what f threw is in it, as is, without a
  /// RemoteTrace. The result must be able to travel.
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
  /// Every future of this executor is ready: 0.
  template <class R>
  std::size_t wait_any(std::vector<Future<R>>&) {
    return 0;
  }
  /// One task at a time: 1.
  int size() const { return 1; }

 private:
  static detail::TaskSource& source();
};

}  // namespace brood
