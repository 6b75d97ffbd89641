#pragma once
/// Pool: worker processes that run functions. A call costs about what it costs in a thread pool, and when a
/// worker dies, of whatever cause, exactly the task that it was running fails.
///
///   brood::Pool pool(4);
///   brood::Future<int> one = pool.apply_async(parse, "a.pdf");     // converted to parse's parameter here
///   std::vector<int> all = pool.map(parse, files);
///   for (int n : pool.imap_unordered(parse, files)) total += n;    // lazy; bounded, whatever the length
///   for (auto&& [file, outcome] : pool.imap(parse, files).outcomes())
///     if (!outcome) std::puts(outcome.error().what());             // an error stops nothing
///   pool.close();                                                  // no more tasks
///   pool.join();                                                   // all done, workers gone
///
/// Functions and arguments are what <brood/codec.hpp> and <brood/function.hpp> say. Arguments after the items
/// of a map go to every call: they are what a capture would have been. `pool.apply_async<parse>("a.pdf")`
/// names the function at compile time.
///
/// Destroying a Pool finishes the work. Any thread may call everything at any time. A task may submit to its
/// own pool (this_worker::pool()) or make pools of its own. BROOD_INLINE=1 in the environment runs every task
/// in the caller, for debugging.
///
/// Cost: no system call for a task as long as nobody has to wait; a waiting worker or caller watches for some
/// microseconds, then sleeps, and an idle pool takes no processor time. Each worker takes two descriptors and
/// 128 KiB. Calls and results of up to 216 bytes travel in that, larger ones through chunks of 64 KiB.

#include <brood/detail/imap.hpp>
#include <brood/detail/pool_core.hpp>
#include <brood/detail/task.hpp>
#include <brood/future.hpp>
#include <brood/init.hpp>
#include <brood/this_worker.hpp>
#include <chrono>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood {

/// How a pool is made: `brood::Pool pool({.processes = 4, .max_tasks_per_child = 100});`.
struct PoolOptions {
  /// Workers; not given: the processors this process may use, affinity and cgroup limits counted. UsageError
  /// below 1.
  std::optional<int> processes = {};
  /// A worker is replaced by a fresh one after so many tasks (tasks, not chunks). UsageError below 1.
  std::optional<int> max_tasks_per_child = {};
  /// Workers are called NAME-1, NAME-2, ...
  std::string name = "PoolWorker";
};

class Pool {
 public:
  /// One worker for each processor.
  Pool() : Pool(PoolOptions{}) {}
  /// So many workers. Throws UsageError below 1; NoMemory, StartFailed.
  explicit Pool(int processes) : Pool(PoolOptions{.processes = processes}) {}
  /// As the options say. Throws as above.
  explicit Pool(PoolOptions options) : core_(setup(std::move(options), {})) {}

  /// Each worker first runs initializer(arguments...). One that throws breaks the pool: every future then
  /// throws PoolBroken with the cause, and nothing is started again.
  template <class F, class... Args>
  Pool(PoolOptions options, F&& initializer, Args&&... arguments)
      : core_(setup(std::move(options),
                    detail::pack(std::forward<F>(initializer), std::forward<Args>(arguments)...))) {}
  /// The same for the number of workers alone: `brood::Pool pool(4, load_model, "model.bin");`.
  template <class F, class... Args>
    requires(!std::is_convertible_v<F, PoolOptions>)
  Pool(int processes, F&& initializer, Args&&... arguments)
      : Pool(PoolOptions{.processes = processes}, std::forward<F>(initializer),
             std::forward<Args>(arguments)...) {}

  // ---- one call ----

  /// Runs f(args...) in a worker; the Future has the result. Throws what encoding the arguments throws,
  /// NoMemory, UsageError after close(), PoolBroken.
  template <class F, class... Args>
  auto apply_async(F&& f, Args&&... args) {
    return detail::submit(core_, std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// The same for a function that is named at compile time: `pool.apply_async<parse>("a.pdf")`.
  template <auto F, class... Args>
  auto apply_async(Args&&... args) {
    return apply_async(fn<F>, std::forward<Args>(args)...);
  }
  /// f(args...) in a worker; waits for the result and returns it, or throws what the task threw.
  template <class F, class... Args>
  auto apply(F&& f, Args&&... args) {
    return apply_async(std::forward<F>(f), std::forward<Args>(args)...).get();
  }
  /// The same as `pool.apply<parse>("a.pdf")`.
  template <auto F, class... Args>
  auto apply(Args&&... args) {
    return apply_async<F>(std::forward<Args>(args)...).get();
  }

  // ---- many calls ----

  /// f(item, extra...) for each item; results in the items' order. Waits for all, also when some fail; then
  /// throws the failure of the first item that has one. For the good results beside failures use
  /// imap(...).outcomes().
  template <class F, std::ranges::input_range Items, class... Extra>
  auto map(F&& f, Items&& items, Extra&&... extra) {
    return map_async(std::forward<F>(f), std::forward<Items>(items), std::forward<Extra>(extra)...).get();
  }
  /// The same as `pool.map<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto map(Items&& items, Extra&&... extra) {
    return map(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }
  /// The same without waiting. Reads all items at once. What it returns has get, wait, ready and successful
  /// as a Future has, for all results together; its futures() are those of the single items.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto map_async(F&& f, Items&& items, Extra&&... extra) {
    using Result = detail::CallResult<F, std::ranges::range_reference_t<Items>, Extra...>;
    std::vector<Future<Result>> futures;
    if constexpr (std::ranges::sized_range<Items>) futures.reserve(std::ranges::size(items));
    for (auto&& item : items) futures.push_back(apply_async(f, std::forward<decltype(item)>(item), extra...));
    return detail::MapFuture<Result>(std::move(futures));
  }

  /// f(fields of the item...) for each tuple or pair: `pool.starmap(add, std::vector<std::pair<int,
  /// int>>{...})`.
  template <class F, std::ranges::input_range Items>
  auto starmap(F&& f, Items&& items) {
    return starmap_async(std::forward<F>(f), std::forward<Items>(items)).get();
  }
  /// The same without waiting; returns what map_async does.
  template <class F, std::ranges::input_range Items>
  auto starmap_async(F&& f, Items&& items) {
    const auto one = [&](auto&& item) {
      return std::apply(
          [&](auto&&... fields) { return apply_async(f, std::forward<decltype(fields)>(fields)...); },
          std::forward<decltype(item)>(item));
    };
    using OneFuture = decltype(one(*std::ranges::begin(items)));
    std::vector<OneFuture> futures;
    for (auto&& item : items) futures.push_back(one(std::forward<decltype(item)>(item)));
    return detail::MapFuture<typename OneFuture::Result>(std::move(futures));
  }

  /// As map, lazily: a range to iterate over once. It reads ahead a bounded number of items, so the input may
  /// be endless and the memory stays small. A failure is thrown at its item's turn; with .outcomes() each
  /// turn is {item, Outcome} instead and nothing is thrown. What the input itself throws comes after the
  /// results before it. An lvalue range, and the pool, must outlive the iteration.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto imap(F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<true>(core_, std::forward<F>(f), std::forward<Items>(items),
                              std::forward<Extra>(extra)...);
  }
  /// The same as `pool.imap<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto imap(Items&& items, Extra&&... extra) {
    return imap(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }
  /// The same in the order in which the results come.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<false>(core_, std::forward<F>(f), std::forward<Items>(items),
                               std::forward<Extra>(extra)...);
  }
  /// The same as `pool.imap_unordered<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(Items&& items, Extra&&... extra) {
    return imap_unordered(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }

  /// Waits until one of the futures, which are this pool's, is ready; its index. UsageError when there is
  /// none.
  template <class R>
  std::size_t wait_any(std::vector<Future<R>>& futures) {
    if (futures.empty()) throw UsageError("wait_any() of no futures");
    for (;;) {
      for (std::size_t i = 0; i < futures.size(); ++i) {
        if (futures[i].is_done()) return i;
      }
      std::vector<const detail::Record*> records;
      for (const auto& future : futures) records.push_back(future.record());
      core_.wait_any(records);
    }
  }

  // ---- the end ----

  /// No more tasks; those submitted are done. Again: nothing.
  void close() { core_.close(); }
  /// Ends the workers now. Futures whose task has not ended throw PoolTerminated. Again: nothing.
  void terminate() { core_.terminate(); }
  /// After close() or terminate(): waits until all is done and the workers are gone. UsageError before.
  /// Again: nothing.
  void join() { core_.join(detail::Deadline::never()); }
  /// The same, at most so long. True when all is done, false when the time ran out.
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) {
    return core_.join(detail::Deadline::in(timeout));
  }

  /// How many workers it has been made with.
  int size() const { return core_.size(); }
  /// How things stand: tasks `queued`, `running`, `done`, `failed`; `workers` that live, and how many have
  /// been replaced after their death (`restarts`).
  using Counts = detail::PoolHandle::Counts;
  /// At any time, from any thread: `pool.counts().queued`.
  Counts counts() const { return core_.counts(); }

 private:
  friend Pool& this_worker::pool();
  explicit Pool(detail::PoolHandle core) : core_(std::move(core)) {}
  static detail::PoolSetup setup(PoolOptions options, detail::PackedCall initializer) {
    const int n = options.processes.value_or(usable_cpu_count());
    if (n < 1) throw UsageError("a Pool needs at least one process, not " + std::to_string(n));
    if (options.max_tasks_per_child && *options.max_tasks_per_child < 1) {
      throw UsageError("max_tasks_per_child must be at least 1, not " +
                       std::to_string(*options.max_tasks_per_child));
    }
    return {n, std::move(initializer), options.max_tasks_per_child.value_or(0), std::move(options.name)};
  }

  detail::PoolHandle core_;
};

}  // namespace brood
