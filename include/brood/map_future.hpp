#pragma once
/// MapFuture: the results of all items of a map that nobody waits for, when all have ended.
///
///   auto pages = pool.map_async(count_pages, files);
///   draw_the_window();
///   for (int n : pages.get()) total += n;
///
/// Move-only. Any thread may use it, one at a time. Destroying it does not wait and stops nothing; a failure
/// that nobody has looked at by then is reported on stderr, once, when the pool ends. Timeouts of zero or
/// less do not wait.
///
/// Cost: where items share tasks, 1 thread of the pool for all its maps, and the results as they are. What
/// decodes them runs in that thread.

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
  /// What a callback is told: the results, or why there are none.
  using Given = Outcome<std::conditional_t<std::is_void_v<R>, void, std::reference_wrapper<const Results>>>;

  /// For pools: each item is a task.
  explicit MapFuture(std::vector<Future<R>> futures) : futures_(std::move(futures)) {}
  /// For pools: they share tasks. `whole` is done when all are.
  MapFuture(Future<void> whole, std::shared_ptr<detail::MapUnderWay<R>> map)
      : whole_(std::move(whole)), map_(std::move(map)) {}

  /// All results in order, or the failure of the first item that has one, after all have ended. TimeoutError
  /// when they have not within the timeout; the tasks go on. The results stay here, for another get;
  /// `std::move(future).get()` hands them over.
  decltype(auto) get(Timeout timeout = {}) & {
    wait_or_throw(timeout);
    return look();
  }
  /// As get(timeout), of a future that is given up: the results are moved out, or copied when a callback
  /// looks at them too.
  auto get(Timeout timeout = {}) && {
    wait_or_throw(timeout);
    return take();
  }
  /// Waits until that moment; throws as get.
  template <class Clock, class D>
  decltype(auto) get_until(std::chrono::time_point<Clock, D> when) & {
    return get(Timeout::until(when));
  }
  /// As get_until, of a future that is given up.
  template <class Clock, class D>
  auto get_until(std::chrono::time_point<Clock, D> when) && {
    return std::move(*this).get(Timeout::until(when));
  }

  /// Waits until all have ended, well or not. False when they have not within the timeout.
  bool wait(Timeout timeout = {}) { return wait_by(timeout.deadline()); }
  /// Waits until that moment. False when not all have ended by then.
  template <class Clock, class D>
  bool wait_until(std::chrono::time_point<Clock, D> when) {
    return wait(Timeout::until(when));
  }
  /// All have ended. Looks, does not wait.
  bool ready() { return wait_by(detail::Deadline::now()); }
  /// All ended without an exception. Does not wait: throws UsageError when they have not ended.
  bool successful() {
    if (map_) return whole_.successful();
    bool good = true;
    for (auto& future : futures_) good = future.successful() && good;
    return good;
  }

  /// Calls f(outcome) once all have ended, where and how Future::add_done_callback does. The outcome has the
  /// results by reference, until f returns.
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

  /// Of the single items, where each is a task: with `.chunksize = 1`, with limits, in a pool that has
  /// max_tasks_per_child, and for tasks that submit to their own pool. UsageError else.
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
    detail::throw_timeout(*futures_.back().record(), waited);  // they have ended meanwhile
  }

  // All have ended.
  Results& results() {
    if (map_) {
      whole_.get();
      return map_->results();
    }
    if (collected_) return *collected_;
    // All are looked at: the failures after the first are not reported as unseen.
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
      // A callback may be reading them.
      if constexpr (std::is_copy_constructible_v<R>)
        return all;
      else
        throw UsageError(
            "these results cannot be copied, and a callback has them as well; leave the MapFuture its own: "
            "get() without std::move");
    }
  }

  // The last one that ends calls f for all.
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
  std::optional<Results> collected_;  // of these
  Future<void> whole_;
  std::shared_ptr<detail::MapUnderWay<R>> map_;
  bool is_told_ = false;  // to a callback
};

}  // namespace brood
