#pragma once
/// MapFuture: the results of all items of an asynchronous map, available once all have ended.
///
///   auto pages = pool.map_async(count_pages, files);
///   draw_the_window();
///   for (int n : pages.get()) total += n;
///
/// A MapFuture is move-only; any thread may use it, one at a time. Destroying it neither waits nor stops
/// anything; a failure that was never examined is reported on stderr, once, when the pool ends. Timeouts of
/// zero or less do not wait.
///
/// Cost: where items are batched, one thread of the pool for all its maps, and the memory for the results.
/// Results are decoded in that thread.

#include <atomic>
#include <brood/detail/deadline.hpp>
#include <brood/detail/map_under_way.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/errors.hpp>
#include <brood/future.hpp>
#include <brood/promise.hpp>
#include <brood/timeout.hpp>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace brood {

template <class R>
class MapFuture {
 public:
  /// A std::vector<R>; std::monostate for tasks that return nothing.
  using Results = detail::AllResults<R>;
  /// The argument of a callback: the results, or the reason why there are none.
  using Given = Outcome<std::conditional_t<std::is_void_v<R>, void, std::reference_wrapper<const Results>>>;

  /// For pools: a map in which each item is a task.
  explicit MapFuture(std::vector<Future<R>> futures) : futures_(std::move(futures)) {}
  /// For pools: a map whose items are batched into tasks. `whole` is done when all of them are.
  MapFuture(Future<void> whole, std::shared_ptr<detail::MapUnderWay<R>> map)
      : whole_(std::move(whole)), map_(std::move(map)) {}

  /// Waits for all items and returns their results in order, or throws the failure of the first item that
  /// failed. Throws TimeoutError when not all have ended within the timeout; the tasks keep running. The
  /// results stay in the MapFuture, for another get; `std::move(future).get()` moves them out.
  decltype(auto) get(Timeout timeout = {}) & {
    wait_or_throw(timeout);
    return look();
  }
  /// Waits like get(timeout) and moves the results out of the expiring MapFuture, or copies them when a
  /// callback uses them too.
  auto get(Timeout timeout = {}) && {
    wait_or_throw(timeout);
    return take();
  }
  /// Waits until the given moment for all items; returns and throws as get does.
  template <class Clock, class D>
  decltype(auto) get_until(std::chrono::time_point<Clock, D> when) & {
    return get(Timeout::until(when));
  }
  /// Waits until the given moment and moves the results out of the expiring MapFuture.
  template <class Clock, class D>
  auto get_until(std::chrono::time_point<Clock, D> when) && {
    return std::move(*this).get(Timeout::until(when));
  }

  /// Waits until all items have ended, successfully or not. False when not all have ended within the timeout.
  bool wait(Timeout timeout = {}) { return wait_by(timeout.deadline()); }
  /// Waits until the given moment for all items to end. False when not all have ended by then.
  template <class Clock, class D>
  bool wait_until(std::chrono::time_point<Clock, D> when) {
    return wait(Timeout::until(when));
  }
  /// True when all items have ended. Does not wait.
  bool ready() { return wait_by(detail::Deadline::now()); }
  /// True when all items ended without an exception. Does not wait: throws UsageError when not all have
  /// ended.
  bool successful() {
    if (map_) return whole_.successful();
    bool good = true;
    for (auto& future : futures_) good = future.successful() && good;
    return good;
  }

  /// Calls f(outcome) once all items have ended, in the thread and manner of Future::add_done_callback. The
  /// outcome refers to the results; the reference is valid until f returns.
  ///
  ///   pool.map_async(parse, files).add_done_callback([](auto outcome) {
  ///     if (outcome) store(outcome->get()); else log(outcome.error().what());
  ///   });
  template <class F>
  void add_done_callback(F f) {
    static_assert(std::is_invocable_v<F&, Given>, "brood: a callback takes the outcome of all");
    if (map_) {
      is_told_ = true;
      whole_.add_done_callback([map = map_, f = std::move(f)](auto end) mutable {
        f(end ? given(map->results()) : Given(end.error()));
      });
    } else if (futures_.empty()) {
      Promise<void> at_once;
      at_once.set_result();
      at_once.get_future().add_done_callback([f = std::move(f)](const auto&) mutable {
        Results none;
        f(given(none));
      });
    } else {
      gather(std::move(f));
    }
  }

  /// The futures of the single items, available where each item is a task: with `.chunksize = 1`, with
  /// limits, in a pool with max_tasks_per_child, and for tasks that submit to their own pool. Otherwise
  /// throws UsageError.
  std::vector<Future<R>>& futures() {
    if (map_) {
      throw UsageError(
          "the items of this map share tasks and have no futures of their own; say .chunksize = 1 for that");
    }
    return futures_;
  }

 private:
  static Given given(const Results& results) {
    if constexpr (std::is_void_v<R>)
      return std::monostate{};
    else
      return Given(results);
  }

  bool wait_by(detail::Deadline until) {
    const auto wait_for = [&](auto& future) {
      if (!until.is_never()) return future.wait(until.left());
      future.wait();
      return true;
    };
    if (map_) return wait_for(whole_);
    for (auto& future : futures_) {
      if (!wait_for(future)) return false;
    }
    return true;
  }
  void wait_or_throw(Timeout timeout) {
    if (wait(timeout)) return;
    const auto waited = timeout.span();
    if (map_) detail::throw_timeout(*whole_.record(), waited);
    for (const auto& future : futures_) {
      if (!future.is_done()) detail::throw_timeout(*future.record(), waited);
    }
    detail::throw_timeout(*futures_.back().record(), waited);  // all have ended since the wait
  }

  // Call when all items have ended.
  Results& results() {
    if (map_) {
      whole_.get();
      return map_->results();
    }
    if (collected_) return *collected_;
    // Marks all of them as examined, so that failures after the first are not reported on stderr.
    static_cast<void>(successful());
    Results all;
    for (auto& future : futures_) {
      if constexpr (std::is_void_v<R>)
        future.get();
      else
        all.push_back(future.get());
    }
    return collected_.emplace(std::move(all));
  }
  std::conditional_t<std::is_void_v<R>, void, const Results&> look() {
    if constexpr (std::is_void_v<R>)
      results();
    else
      return results();
  }
  std::conditional_t<std::is_void_v<R>, void, Results> take() {
    Results& all = results();
    if constexpr (!std::is_void_v<R>) {
      if (!is_told_) return std::move(all);
      // A callback may be reading the results.
      if constexpr (std::is_copy_constructible_v<R>)
        return all;
      else
        throw UsageError(
            "these results cannot be copied, and a callback has them as well; leave the MapFuture its own: "
            "get() without std::move");
    }
  }

  // The last item to end calls f for all of them.
  template <class F>
  void gather(F f) {
    struct Gathered {
      F f;
      std::vector<std::optional<Outcome<R>>> outcomes;
      std::atomic<std::size_t> left;

      void put(std::size_t i, Outcome<R> outcome) {
        outcomes[i].emplace(std::move(outcome));
        if (left.fetch_sub(1) == 1) call();
      }
      void call() {
        Results all;
        for (auto& each : outcomes) {
          if (!*each) return static_cast<void>(f(Given(each->error())));
          if constexpr (!std::is_void_v<R>) all.push_back(std::move(**each));
        }
        f(given(all));
      }
    };
    const auto n = futures_.size();
    const std::shared_ptr<Gathered> all(
        new Gathered{std::move(f), std::vector<std::optional<Outcome<R>>>(n), {n}});
    for (std::size_t i = 0; i != n; ++i)
      futures_[i].add_done_callback([all, i](Outcome<R> outcome) { all->put(i, std::move(outcome)); });
  }

  std::vector<Future<R>> futures_;
  std::optional<Results> collected_;  // of futures_, once asked for
  Future<void> whole_;
  std::shared_ptr<detail::MapUnderWay<R>> map_;
  bool is_told_ = false;  // a callback uses the results too
};

}  // namespace brood
