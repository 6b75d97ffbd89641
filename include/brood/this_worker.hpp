#pragma once
/// What a task may ask about the worker that runs it.
///
///   int sample(int n) {                                          // runs in a worker
///     std::mt19937_64 dice(brood::this_worker::seed());
///     std::printf("sample %d in worker %d\n", n, brood::this_worker::index());
///     return static_cast<int>(dice() % 6 + 1);
///   }
///   std::vector<int> sixes = pool.map(sample, std::views::iota(0, 100));
///
/// Each answer costs a few loads. Where there is no worker all but exists() and stop_token() throw
/// UsageError.

#include <brood/detail/worker_state.hpp>
#include <brood/stop_token.hpp>
#include <cstdint>

namespace brood {
class Pool;
}

namespace brood::this_worker {

/// This process is the worker of a pool (under BROOD_INLINE: this is the task of one).
bool exists();
/// 0 to the pool's size - 1; from the size on for those who stand in while a worker's task waits for the
/// pool. Throws UsageError outside of a worker, as the others do.
int index();
/// How often the place has been filled: 1 for the first process with this index.
std::uint32_t incarnation();
/// A number of its own for each worker and incarnation, for random generators.
std::uint64_t seed();

/// What the pool's initializer returned in this worker, as long as that lives. Throws UsageError when it
/// returned nothing, or something of another type. Functions may take it by reference instead (see Pool).
template <class State>
State& state() {
  return detail::worker_state<State>();
}

/// Says when this task is to end, by its deadline or by Future::cancel. Costs a few loads; of any thread of
/// the task. Where there is no worker: one that is never asked to stop.
StopToken stop_token();

/// The pool whose worker this is, to submit to from inside a task (include <brood/pool.hpp>):
///
///   long tree(int depth) {
///     if (depth == 0) return 1;
///     auto left = brood::this_worker::pool().apply_async(tree, depth - 1);
///     return tree(depth - 1) + left.get();
///   }
///
/// While a task waits for one that it submitted another process stands in for its worker, so the pool cannot
/// lock itself up; 64 or four for each worker at the most, then the innermost tasks fail with UsageError. A
/// task that dies costs itself alone, wherever it was submitted. close, terminate and join are the business
/// of the process that made the pool: UsageError. Costs a few microseconds more than submitting from there.
/// Lives as long as the worker.
Pool& pool();

}  // namespace brood::this_worker
