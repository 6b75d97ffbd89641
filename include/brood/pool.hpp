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
/// Workers, also those that take another's place, work in the directory in which the pool was made, wherever
/// the program has gone since and also when it has been removed.
///
/// Destroying a Pool finishes the work; so does the end of the program for pools that are static or were
/// never destroyed, and tasks that it still waits for after 5 s are named on stderr. Any thread may call
/// everything at any time. A task may submit to its own pool (this_worker::pool()) or make pools of its own.
/// A Pool and its futures are of the process that made them; in a copy of it, made by fork, they throw
/// UsageError. BROOD_INLINE=1 in the environment runs every task in the caller, for debugging.
///
/// Cost: no system call for a task as long as nobody has to wait; a waiting worker or caller watches for some
/// microseconds, then sleeps, and an idle pool takes no processor time. A pool takes three descriptors, and
/// each worker two and 128 KiB, a tenth of that in pools of many more workers than processors. Calls and
/// results of up to 208 bytes travel in that, larger ones through chunks of 64 KiB.

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
  /// Workers; not given: the processors this process may use, affinity and cgroup limits counted. UsageError
  /// below 1.
  std::optional<int> processes = {};
  /// A worker is replaced by a fresh one after so many tasks (tasks, not chunks). UsageError below 1.
  std::optional<int> max_tasks_per_child = {};
  /// Workers are called NAME-1, NAME-2, ... UsageError when it is empty or has a zero byte.
  std::string name = "PoolWorker";
  /// A worker of this age is replaced by a fresh one when it has done what it has. UsageError for 0 or less.
  Timeout max_worker_age = {};
  /// A worker that holds more bytes of real memory than this after a task is replaced by a fresh one: for
  /// libraries that leak. Looked at once in a millisecond at the most. UsageError for 0.
  std::optional<std::uint64_t> max_worker_memory = {};
  /// Bytes of memory that each worker may hold (see CallOptions::memory_limit); the task that asks for more
  /// fails with MemoryLimitExceeded. UsageError for 0.
  std::optional<std::uint64_t> memory_limit = {};
  /// When no worker lives and more births than this have failed within the period, the pool is broken: every
  /// future throws PoolBroken with the first cause. (The end of a worker in the middle of a task is no failed
  /// birth.) UsageError below 0. While one lives the others are tried again after growing pauses of up to a
  /// second.
  int restart_intensity = 3;
  /// How long a failed birth counts. UsageError for 0 or less.
  std::chrono::nanoseconds restart_period = std::chrono::seconds(5);
  /// Who submits while so many tasks are there that have not ended waits until there are fewer: what produces
  /// tasks faster than they are done is held back, and memory stays bounded. (imap reads ahead by itself.)
  /// Tasks that submit to their own pool never wait. UsageError below 1.
  std::optional<int> max_pending = {};
};

namespace detail {
template <class F>
concept NotOptions = !std::is_same_v<std::remove_cvref_t<F>, CallOptions>;
}

class Pool {
 public:
  /// One worker for each processor.
  Pool() : Pool(PoolOptions{}) {}
  /// So many workers. Throws UsageError below 1; NoMemory, StartFailed.
  explicit Pool(int processes) : Pool(PoolOptions{.processes = processes}) {}
  /// As the options say. Throws as above.
  explicit Pool(PoolOptions options) : core_(setup(std::move(options), {})) {}

  /// Each worker first runs initializer(arguments...). One that throws breaks the pool: every future then
  /// throws PoolBroken with the cause, and nothing is started again. What it returns lives as long as the
  /// worker, and functions whose first parameter is a non-const reference to that type get it there:
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
  /// For the number of workers alone: `brood::Pool pool(4, load_model, "model.bin");`.
  template <class F, class... Args>
    requires(!std::is_convertible_v<F, PoolOptions>)
  Pool(int processes, F&& initializer, Args&&... arguments)
      : Pool(PoolOptions{.processes = processes}, std::forward<F>(initializer),
             std::forward<Args>(arguments)...) {}

  // ---- one call ----

  /// Runs f(args...) in a worker; the Future has the result. Throws what encoding the arguments throws,
  /// NoMemory, UsageError after close(), PoolBroken.
  template <detail::NotOptions F, class... Args>
  auto apply_async(F&& f, Args&&... args) {
    return detail::submit(core_, nullptr, std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// As apply_async, within limits: `pool.apply_async({.deadline = 2s}, parse, "a.pdf")`. See CallOptions.
  template <class F, class... Args>
  auto apply_async(const CallOptions& options, F&& f, Args&&... args) {
    if (options.chunksize) throw UsageError("chunksize is for map: one call is one item");
    return detail::submit(core_, &options, std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// As apply_async, of a function that is named at compile time: `pool.apply_async<parse>("a.pdf")`.
  template <auto F, detail::NotOptions... Args>
  auto apply_async(Args&&... args) {
    return apply_async(fn<F>, std::forward<Args>(args)...);
  }
  /// As `pool.apply_async<parse>({.deadline = 2s}, "a.pdf")`.
  template <auto F, class... Args>
  auto apply_async(const CallOptions& options, Args&&... args) {
    return apply_async(options, fn<F>, std::forward<Args>(args)...);
  }
  /// As apply_async: the name that executors have for it.
  template <detail::NotOptions F, class... Args>
  auto submit(F&& f, Args&&... args) {
    return apply_async(std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// As submit, within limits.
  template <class F, class... Args>
  auto submit(const CallOptions& options, F&& f, Args&&... args) {
    return apply_async(options, std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// f(args...) in a worker; waits for the result and returns it, or throws what the task threw.
  template <detail::NotOptions F, class... Args>
  auto apply(F&& f, Args&&... args) {
    return apply_async(std::forward<F>(f), std::forward<Args>(args)...).get();
  }
  /// As apply, within limits.
  template <class F, class... Args>
  auto apply(const CallOptions& options, F&& f, Args&&... args) {
    return apply_async(options, std::forward<F>(f), std::forward<Args>(args)...).get();
  }
  /// As apply, of a function that is named at compile time: `pool.apply<parse>("a.pdf")`.
  template <auto F, class... Args>
  auto apply(Args&&... args) {
    return apply_async<F>(std::forward<Args>(args)...).get();
  }

  // ---- many calls ----

  /// f(item, extra...) for each item; results in the items' order. Waits for all, also when some fail; then
  /// throws the failure of the first item that has one. For the good results beside failures use
  /// imap(...).outcomes(). Items travel in chunks, see CallOptions::chunksize, and a chunk counts as one task
  /// in counts(). In a pool that has max_tasks_per_child, and within limits, each item is a task.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto map(F&& f, Items&& items, Extra&&... extra) {
    return map_all(nullptr, f, std::forward<Items>(items), extra...);
  }
  /// As map, with options: `pool.map({.time_limit = 10s}, parse, files)` limits each call,
  /// `pool.map({.chunksize = 100}, square, numbers)` says how many items travel together.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto map(const CallOptions& options, F&& f, Items&& items, Extra&&... extra) {
    return map_all(&options, f, std::forward<Items>(items), extra...);
  }
  /// As map, of a function that is named at compile time: `pool.map<parse>(files)`.
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
  /// As map, without waiting. Reads all items at once; a thread of the pool sends them, in chunks, as others
  /// end, also after close(). What it returns, a MapFuture, has get, wait, ready, successful and
  /// add_done_callback as a Future has, for all results together.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto map_async(F&& f, Items&& items, Extra&&... extra) {
    return begin_map(nullptr, f, std::forward<Items>(items), extra...);
  }
  /// As map_async, with options.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto map_async(const CallOptions& options, F&& f, Items&& items, Extra&&... extra) {
    return begin_map(&options, f, std::forward<Items>(items), extra...);
  }

  /// f(item, extra...) for each item, for what it does: results are dropped, the rest is as in map. Where the
  /// items cannot be counted beforehand they are read as the work goes on.
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

  /// All items joined by `op`, with `initial` in front: op(op(initial, first), second)... in this order, but
  /// grouped as it suits: workers join neighbours, then what they made of them. So op must be associative; it
  /// need not commute. Throws the first failure in that order.
  ///
  ///   const double sum = pool.reduce(numbers, 0.0);
  ///   const std::string longest = pool.reduce(words, std::string(), longer);
  template <std::ranges::input_range Items, class T, class Op = std::plus<>>
  T reduce(Items&& items, T initial, Op op = {}) {
    return detail::reduce(core_, std::forward<Items>(items), std::move(initial), std::move(op));
  }

  /// f(fields of the item...) for each tuple or pair: `pool.starmap(add, std::vector<std::pair<int,
  /// int>>{...})`.
  template <detail::NotOptions F, std::ranges::input_range Items>
  auto starmap(F&& f, Items&& items) {
    return map(detail::star_of<Items>(std::forward<F>(f)), detail::as_fields<F>(std::forward<Items>(items)));
  }
  /// As starmap, with options.
  template <class F, std::ranges::input_range Items>
  auto starmap(const CallOptions& options, F&& f, Items&& items) {
    return map(options, detail::star_of<Items>(std::forward<F>(f)),
               detail::as_fields<F>(std::forward<Items>(items)));
  }
  /// As starmap, without waiting; returns what map_async does.
  template <detail::NotOptions F, std::ranges::input_range Items>
  auto starmap_async(F&& f, Items&& items) {
    return map_async(detail::star_of<Items>(std::forward<F>(f)),
                     detail::as_fields<F>(std::forward<Items>(items)));
  }
  /// As starmap_async, with options.
  template <class F, std::ranges::input_range Items>
  auto starmap_async(const CallOptions& options, F&& f, Items&& items) {
    return map_async(options, detail::star_of<Items>(std::forward<F>(f)),
                     detail::as_fields<F>(std::forward<Items>(items)));
  }

  /// As map, lazily: a range to iterate over once. It reads ahead so many items as keep the workers busy, 64
  /// for each or four chunks, so the input may be endless and the memory stays small. A failure is thrown at
  /// its item's turn; with .outcomes() each turn is {item, Outcome} instead and nothing is thrown. What the
  /// input itself throws comes after the results before it. An lvalue range, and the pool, must outlive the
  /// iteration.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto imap(F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<true>(core_, std::nullopt, std::forward<F>(f), std::forward<Items>(items),
                              std::forward<Extra>(extra)...);
  }
  /// As imap, with options.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto imap(CallOptions options, F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<true>(core_, std::move(options), std::forward<F>(f), std::forward<Items>(items),
                              std::forward<Extra>(extra)...);
  }
  /// As imap, of a function that is named at compile time: `pool.imap<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto imap(Items&& items, Extra&&... extra) {
    return imap(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }
  /// As imap, in the order in which the results come.
  template <detail::NotOptions F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<false>(core_, std::nullopt, std::forward<F>(f), std::forward<Items>(items),
                               std::forward<Extra>(extra)...);
  }
  /// As imap_unordered, with options.
  template <class F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(CallOptions options, F&& f, Items&& items, Extra&&... extra) {
    return detail::imap<false>(core_, std::move(options), std::forward<F>(f), std::forward<Items>(items),
                               std::forward<Extra>(extra)...);
  }
  /// As imap_unordered, of a function that is named at compile time: `pool.imap_unordered<parse>(files)`.
  template <auto F, std::ranges::input_range Items, class... Extra>
  auto imap_unordered(Items&& items, Extra&&... extra) {
    return imap_unordered(fn<F>, std::forward<Items>(items), std::forward<Extra>(extra)...);
  }

  /// Waits until one of the futures is ready; its index. UsageError when there is none, when one is empty
  /// (moved from) or of another pool. Looks at each future once or twice in each call: for thousands of them
  /// as_completed is quicker.
  template <class R>
  std::size_t wait_any(std::vector<Future<R>>& futures) {
    for (std::size_t i = 0; i < futures.size(); ++i) {
      if (futures[i].is_done()) return i;
    }
    return core_.wait_any_of(detail::records_of(futures));
  }

  // ---- the end ----

  /// No more tasks; those submitted are done, and what map_async was given. A map that another thread waits
  /// for sends its items little by little: the rest of them fails with UsageError. Calling it again has no
  /// effect.
  void close() { core_.close(); }
  /// Ends the workers now. Futures whose task has not ended throw PoolTerminated. Calling it again has no
  /// effect.
  void terminate() { core_.terminate(); }
  /// After close() or terminate(): waits until all is done and the workers are gone. False when they are not
  /// within the timeout. UsageError before close() and terminate(). Calling it again has no effect.
  bool join(Timeout timeout = {}) { return core_.join(timeout.deadline()); }
  /// As join, until that moment.
  template <class Clock, class D>
  bool join_until(std::chrono::time_point<Clock, D> when) {
    return join(Timeout::until(when));
  }

  /// How many workers it has been made with.
  int size() const { return core_.size(); }
  /// Statistics: tasks `queued`, `running`, `done`, `failed`; `workers` that live, and how many have
  /// been replaced after their death (`restarts`); how often an idempotent task was run again (`reruns`).
  using Counts = detail::PoolHandle::Counts;
  /// At any time, from any thread: `pool.counts().queued`.
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
