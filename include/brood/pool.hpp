#pragma once
/// Pool: worker processes that run functions. A call costs about as much as in a thread pool, and when a
/// worker dies, for whatever reason, only the task it was running fails.
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
/// Which functions and arguments can be used is described in <brood/function.hpp> and <brood/codec.hpp>.
/// Arguments after the items of a map are passed to every call, in place of captures.
/// `pool.apply_async<parse>("a.pdf")` names the function at compile time.
///
/// Workers, replacements included, run in the directory in which the pool was made, even if the program has
/// changed its directory since or that directory has been removed.
///
/// Destroying a Pool finishes its work; so does the end of the program for pools that are static or were
/// never destroyed, and tasks still unfinished after 5 s are then named on stderr. Any thread may call any
/// member at any time. A task may submit to its own pool (this_worker::pool()) or make pools of its own. A
/// Pool and its futures belong to the process that made them; in a forked copy of that process they throw
/// UsageError. BROOD_INLINE=1 in the environment runs every task in the caller, for debugging.
///
/// Cost: no system call per task unless someone has to wait; a waiting worker or caller spins for some
/// microseconds, then sleeps, and an idle pool uses no processor time. A pool takes three descriptors. Each
/// worker takes two more and 128 KiB of shared memory, or a tenth of that in pools with many more workers
/// than processors. Calls and results of up to 208 bytes travel in that memory, larger ones through chunks of
/// 64 KiB.

#include <brood/call_options.hpp>
#include <brood/detail/chunked_map.hpp>
#include <brood/detail/imap.hpp>
#include <brood/detail/map_under_way.hpp>
#include <brood/detail/pool_core.hpp>
#include <brood/detail/reduce.hpp>
#include <brood/detail/star.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/task.hpp>
#include <brood/future.hpp>
#include <brood/init.hpp>
#include <brood/map_future.hpp>
#include <brood/this_worker.hpp>
#include <brood/timeout.hpp>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood {

/// How a pool is made: `brood::Pool pool({.processes = 4, .max_tasks_per_child = 100});`.
struct PoolOptions {
  /// Number of workers. Default: the number of processors this process may use, given its affinity and cgroup
  /// limits. UsageError below 1.
  std::optional<int> processes = {};
  /// Number of tasks after which a worker is replaced by a fresh one; each item of a map counts. UsageError
  /// below 1.
  std::optional<int> max_tasks_per_child = {};
  /// Workers are called NAME-1, NAME-2, ... UsageError when it is empty or has a zero byte.
  std::string name = "PoolWorker";
  /// Age at which a worker is replaced by a fresh one, once it has finished the tasks it has. UsageError for
  /// 0 or less.
  Timeout max_worker_age = {};
  /// Bytes of real memory above which a worker is replaced by a fresh one after a task, for libraries that
  /// leak. Checked at most once per millisecond. UsageError for 0.
  std::optional<std::uint64_t> max_worker_memory = {};
  /// Bytes of memory that each worker may hold (see CallOptions::memory_limit); a task that asks for more
  /// fails with MemoryLimitExceeded. UsageError for 0.
  std::optional<std::uint64_t> memory_limit = {};
  /// Number of failed worker starts within restart_period that the pool tolerates while no worker is alive.
  /// Beyond it the pool is broken: every future throws PoolBroken with the first cause. (A worker that dies
  /// in the middle of a task is not a failed start.) While at least one worker is alive, failed starts are
  /// retried after growing pauses of up to a second. UsageError below 0.
  int restart_intensity = 3;
  /// How long a failed start counts towards restart_intensity. UsageError for 0 or less.
  std::chrono::nanoseconds restart_period = std::chrono::seconds(5);
  /// Back-pressure: submission blocks while this many tasks are unfinished, so a producer that outpaces the
  /// workers is held back and memory stays bounded. (imap bounds its own prefetching.) Submissions by tasks
  /// to their own pool never block. UsageError below 1.
  std::optional<int> max_pending = {};
};

namespace detail {
template <class F>
concept NotOptions = !std::is_same_v<std::remove_cvref_t<F>, CallOptions>;
}

class Pool {
 public:
  /// Starts one worker for each usable processor.
  Pool() : Pool(PoolOptions{}) {}
  /// Starts `processes` workers. Throws UsageError below 1, NoMemory, StartFailed.
  explicit Pool(int processes) : Pool(PoolOptions{.processes = processes}) {}
  /// Starts workers as the options say. Throws UsageError for an invalid option, NoMemory, StartFailed.
  explicit Pool(PoolOptions options) : core_(setup(std::move(options), {})) {}

  /// Starts workers that first run initializer(arguments...). If the initializer throws, the pool is broken:
  /// every future throws PoolBroken with the cause, and no worker is started again. The object that it
  /// returns lives as long as the worker, and functions whose first parameter is a non-const reference to
  /// that type receive it there:
  ///
  ///   Model load(std::string file);
  ///   Label classify(Model& model, const Image& image);
  ///
  ///   brood::Pool pool(4, load, "model.bin");
  ///   std::vector<Label> labels = pool.map(classify, images);     // each worker uses its own model
  template <class F, class... Args>
  Pool(PoolOptions options, F&& initializer, Args&&... arguments)
      : core_(setup(std::move(options),
                    detail::pack<true>(std::forward<F>(initializer), std::forward<Args>(arguments)...))) {}
  /// Starts `processes` workers that first run the initializer:
  /// `brood::Pool pool(4, load_model, "model.bin");`.
  template <class F, class... Args>
    requires(!std::is_convertible_v<F, PoolOptions>)
  Pool(int processes, F&& initializer, Args&&... arguments)
      : Pool(PoolOptions{.processes = processes}, std::forward<F>(initializer),
             std::forward<Args>(arguments)...) {}

  // ---- one call ----

  /// Submits f(args...) to a worker and returns a Future for the result. Throws what encoding the arguments
  /// throws, NoMemory, UsageError after close(), PoolBroken.
  template <detail::NotOptions F, class... Args>
  auto apply_async(F&& f, Args&&... args) {
    return detail::submit(core_, nullptr, std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// Submits f(args...) with limits: `pool.apply_async({.deadline = 2s}, parse, "a.pdf")`. See CallOptions.
  template <class F, class... Args>
  auto apply_async(const CallOptions& options, F&& f, Args&&... args) {
    if (options.chunksize) throw UsageError("chunksize is for map: one call is one item");
    return detail::submit(core_, &options, std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// Submits a function that is named at compile time: `pool.apply_async<parse>("a.pdf")`.
  template <auto F, detail::NotOptions... Args>
  auto apply_async(Args&&... args) {
    return apply_async(fn<F>, std::forward<Args>(args)...);
  }
  /// Submits a function named at compile time, with limits:
  /// `pool.apply_async<parse>({.deadline = 2s}, "a.pdf")`.
  template <auto F, class... Args>
  auto apply_async(const CallOptions& options, Args&&... args) {
    return apply_async(options, fn<F>, std::forward<Args>(args)...);
  }
  /// Submits f(args...) to a worker: apply_async() under the name that executors use.
  template <detail::NotOptions F, class... Args>
  auto submit(F&& f, Args&&... args) {
    return apply_async(std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// Submits f(args...) with limits, like apply_async with CallOptions.
  template <class F, class... Args>
  auto submit(const CallOptions& options, F&& f, Args&&... args) {
    return apply_async(options, std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// Runs f(args...) in a worker, waits, and returns the result or throws what the task threw.
  template <detail::NotOptions F, class... Args>
  auto apply(F&& f, Args&&... args) {
    return apply_async(std::forward<F>(f), std::forward<Args>(args)...).get();
  }
  /// Runs f(args...) in a worker with limits, and waits; see CallOptions.
  template <class F, class... Args>
  auto apply(const CallOptions& options, F&& f, Args&&... args) {
    return apply_async(options, std::forward<F>(f), std::forward<Args>(args)...).get();
  }
  /// Runs a function that is named at compile time, and waits: `pool.apply<parse>("a.pdf")`.
  template <auto F, class... Args>
  auto apply(Args&&... args) {
    return apply_async<F>(std::forward<Args>(args)...).get();
  }

  // ---- many calls ----

  /// Calls f(item, extra...) for each item and returns the results in the order of the items. Waits for all
  /// items even when some fail, then throws the failure of the first item that failed; to keep the good
  /// results, use imap(...).outcomes(). Items travel in batches (see CallOptions::chunksize), and a batch
  /// counts as one task in counts(). In a pool with max_tasks_per_child, and with limits, each item is a
  /// task.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto map(F&& f, Items&& items, Extra&&... extra) {
    return map_all(nullptr, f, std::forward<Items>(items), extra...);
  }
  /// Calls f for each item, with options: `pool.map({.time_limit = 10s}, parse, files)` limits each call,
  /// `pool.map({.chunksize = 100}, square, numbers)` sets how many items travel together.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto map(const CallOptions& options, F&& f, Items&& items, Extra&&... extra) {
    return map_all(&options, f, std::forward<Items>(items), extra...);
  }
  /// Maps a function that is named at compile time: `pool.map<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto map(Items&& items, Extra&&... extra) {
    return map(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }
  /// Does not compile: the function comes first.
  template <std::ranges::input_range Items, class F, class... Extra>
    requires(!std::ranges::input_range<F>)
  void map(Items&&, F&&, Extra&&...) {
    static_assert(!std::ranges::input_range<Items>, "brood: the function comes first: pool.map(f, items)");
  }
  /// Begins a map without waiting and returns a MapFuture. Reads all items at once; a thread of the pool
  /// sends them in batches as earlier ones finish, even after close(). A MapFuture has get, wait, ready,
  /// successful and add_done_callback like a Future, for all results together.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto map_async(F&& f, Items&& items, Extra&&... extra) {
    return begin_map(nullptr, f, std::forward<Items>(items), extra...);
  }
  /// Begins a map with options, without waiting; see CallOptions.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto map_async(const CallOptions& options, F&& f, Items&& items, Extra&&... extra) {
    return begin_map(&options, f, std::forward<Items>(items), extra...);
  }

  /// Calls f(item, extra...) for each item and drops the results; otherwise like map. If the number of items
  /// is not known in advance, they are read while the work goes on.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  void for_each(F&& f, Items&& items, Extra&&... extra) {
    if constexpr (std::ranges::forward_range<Items> && std::ranges::sized_range<Items>) {
      static_cast<void>(map(std::forward<F>(f), std::forward<Items>(items), std::forward<Extra>(extra)...));
    } else {
      std::exception_ptr first;
      for (auto&& [item, outcome] :
           imap(std::forward<F>(f), std::forward<Items>(items), std::forward<Extra>(extra)...).outcomes()) {
        if (!outcome && !first) first = outcome.error().exception();
      }
      if (first) std::rethrow_exception(first);
    }
  }

  /// Combines all items with `op`, starting from `initial`: op(op(initial, first), second)... The order is
  /// kept, but the grouping is not specified: workers combine adjacent items, then the partial results. So op
  /// must be associative; it need not be commutative. Throws the first failure in item order.
  ///
  ///   const double sum = pool.reduce(numbers, 0.0);
  ///   const std::string longest = pool.reduce(words, std::string(), longer);
  template <std::ranges::input_range Items, class T, class Op = std::plus<>>
  T reduce(Items&& items, T initial, Op op = {}) {
    return detail::reduce(core_, std::forward<Items>(items), std::move(initial), std::move(op));
  }

  /// Calls f with the fields of each tuple or pair as arguments:
  /// `pool.starmap(add, std::vector<std::pair<int, int>>{...})`.
  template <detail::NotOptions F, std::ranges::input_range Items>
  auto starmap(F&& f, Items&& items) {
    return map(detail::star_of<Items>(std::forward<F>(f)), detail::as_fields<F>(std::forward<Items>(items)));
  }
  /// Calls f with the fields of each item, with options; see CallOptions.
  template <class F, std::ranges::input_range Items>
  auto starmap(const CallOptions& options, F&& f, Items&& items) {
    return map(options, detail::star_of<Items>(std::forward<F>(f)),
               detail::as_fields<F>(std::forward<Items>(items)));
  }
  /// Begins a starmap without waiting and returns a MapFuture, like map_async.
  template <detail::NotOptions F, std::ranges::input_range Items>
  auto starmap_async(F&& f, Items&& items) {
    return map_async(detail::star_of<Items>(std::forward<F>(f)),
                     detail::as_fields<F>(std::forward<Items>(items)));
  }
  /// Begins a starmap with options, without waiting; see CallOptions.
  template <class F, std::ranges::input_range Items>
  auto starmap_async(const CallOptions& options, F&& f, Items&& items) {
    return map_async(options, detail::star_of<Items>(std::forward<F>(f)),
                     detail::as_fields<F>(std::forward<Items>(items)));
  }

  /// Maps lazily: returns a single-pass range of the results, in the order of the items. Prefetches enough
  /// items to keep the workers busy (64 per worker, or four batches per worker if that is more), so the input
  /// may be endless and memory use stays small. A failure is thrown when the iteration reaches its item; with
  /// .outcomes() the range yields {item, Outcome} instead and does not throw. An exception thrown by the
  /// input is delivered after the results that precede it. An lvalue range, and the pool, must outlive the
  /// iteration.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto imap(F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<true>(core_, std::nullopt, std::forward<F>(f), std::forward<Items>(items),
                              std::forward<Extra>(extra)...);
  }
  /// Maps lazily, with options; see CallOptions.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto imap(CallOptions options, F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<true>(core_, std::move(options), std::forward<F>(f), std::forward<Items>(items),
                              std::forward<Extra>(extra)...);
  }
  /// Maps a function that is named at compile time lazily: `pool.imap<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto imap(Items&& items, Extra&&... extra) {
    return imap(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }
  /// Maps lazily and yields results as they finish, in any order; otherwise like imap.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<false>(core_, std::nullopt, std::forward<F>(f), std::forward<Items>(items),
                               std::forward<Extra>(extra)...);
  }
  /// Maps lazily and yields results as they finish, with options; see CallOptions.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(CallOptions options, F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<false>(core_, std::move(options), std::forward<F>(f), std::forward<Items>(items),
                               std::forward<Extra>(extra)...);
  }
  /// Maps a function that is named at compile time, yielding results as they finish:
  /// `pool.imap_unordered<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(Items&& items, Extra&&... extra) {
    return imap_unordered(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }

  /// Waits until one of the futures is ready and returns its index. UsageError when the vector is empty, or
  /// when a future is empty (moved from) or belongs to another pool. Each call examines every future once or
  /// twice: for thousands of futures as_completed is faster.
  template <class R>
  std::size_t wait_any(std::vector<Future<R>>& futures) {
    for (std::size_t i = 0; i < futures.size(); ++i) {
      if (futures[i].is_done()) return i;
    }
    return core_.wait_any_of(detail::records_of(futures));
  }

  // ---- the end ----

  /// Refuses further tasks; tasks already submitted, and all items given to map_async, are still done. A map
  /// on which another thread is waiting sends its items gradually: those not yet sent fail with UsageError.
  /// Calling close again has no effect.
  void close() { core_.close(); }
  /// Kills the workers now. Futures of unfinished tasks throw PoolTerminated. Calling terminate again has no
  /// effect.
  void terminate() { core_.terminate(); }
  /// Waits, after close() or terminate(), until all work is done and the workers are gone. False when that
  /// has not happened within the timeout. UsageError before close() or terminate(). Calling join again has no
  /// effect.
  bool join(Timeout timeout = {}) { return core_.join(timeout.deadline()); }
  /// Waits like join, until the given moment.
  template <class Clock, class D>
  bool join_until(std::chrono::time_point<Clock, D> when) {
    return join(Timeout::until(when));
  }

  /// The number of workers that the pool was made with.
  int size() const { return core_.size(); }
  /// Statistics: tasks `queued`, `running`, `done`, `failed`; live `workers`, and how many were replaced
  /// after they died (`restarts`); how many times idempotent tasks were rerun (`reruns`).
  using Counts = detail::PoolHandle::Counts;
  /// Returns the current statistics: `pool.counts().queued`. Any thread may call it at any time.
  Counts counts() const { return core_.counts(); }

 private:
  friend Pool& this_worker::pool();
  explicit Pool(detail::PoolHandle core) : core_(std::move(core)) {}
  template <class F, class Items, class... Extra>
  auto map_all(const CallOptions* options, F& f, Items&& items, const Extra&... extra) {
    using Function = std::decay_t<F>;
    using Args = detail::Stored<Function, std::ranges::range_reference_t<Items>, const Extra&...>;
    if constexpr (detail::can_chunk<Function, Args>) {
      if (const auto chunksize = detail::chunksize_for(core_, options)) {
        using Item = std::tuple_element_t<0, Args>;
        using R = typename detail::Call<Function, Args>::Result;
        const auto function = detail::chunk_function<Function, Args>(f, extra...);
        detail::Input<std::remove_reference_t<Items>, Item> input(items);
        detail::MappedResults<R> results;
        if (input.left() != input.unknown) results.reserve(input.left());
        return results.results(detail::map_in_chunks(core_, *chunksize, detail::map_types<Item, R>(),
                                                     *function, input, results));
      }
    }
    return submit_all(options, f, std::forward<Items>(items), extra...).get();
  }
  template <class F, class Items, class... Extra>
  auto begin_map(const CallOptions* options, F& f, Items&& items, const Extra&... extra) {
    using Function = std::decay_t<F>;
    using Args = detail::Stored<Function, std::ranges::range_reference_t<Items>, const Extra&...>;
    if constexpr (detail::can_chunk<Function, Args>) {
      const auto chunksize = detail::chunksize_for(core_, options);
      if (chunksize && core_.can_look_after()) {
        using Item = std::tuple_element_t<0, Args>;
        using R = typename detail::Call<Function, Args>::Result;
        detail::Input<std::remove_reference_t<Items>, Item> input(items);
        auto map = std::make_shared<detail::MapUnderWay<R>>();
        map->begin(core_.borrow(), *chunksize, detail::map_types<Item, R>(),
                   detail::chunk_function<Function, Args>(f, extra...), input);
        return MapFuture<R>(Future<void>(core_.look_after(map)), map);
      }
    }
    return submit_all(options, f, std::forward<Items>(items), extra...);
  }
  template <class F, class Items, class... Extra>
  auto submit_all(const CallOptions* options, F& f, Items&& items, const Extra&... extra) {
    if (options != nullptr) detail::checked_chunksize(*options);
    using Result = detail::CallResult<F&, std::ranges::range_reference_t<Items>, const Extra&...>;
    std::vector<Future<Result>> futures;
    if constexpr (std::ranges::sized_range<Items>) futures.reserve(std::ranges::size(items));
    for (auto&& item : items) {
      futures.push_back(detail::submit(core_, options, f, std::forward<decltype(item)>(item), extra...));
    }
    return MapFuture<Result>(std::move(futures));
  }
  static detail::PoolSetup setup(PoolOptions options, detail::PackedCall initializer);

  detail::PoolHandle core_;
};

}  // namespace brood
