#pragma once
/// this_worker: what a task can learn about the worker that runs it.
///
///   int sample(int n) {                                          // runs in a worker
///     std::mt19937_64 dice(brood::this_worker::seed());
///     std::printf("sample %d in worker %d\n", n, brood::this_worker::index());
///     return static_cast<int>(dice() % 6 + 1);
///   }
///   std::vector<int> sixes = pool.map(sample, std::views::iota(0, 100));
///
/// Each call costs a few loads. Outside a worker all functions except exists() and stop_token() throw
/// UsageError.

#include <brood/detail/worker_state.hpp>
#include <brood/stop_token.hpp>
#include <cstdint>

namespace brood {
class Pool;
}

namespace brood::this_worker {

/// True when this process is a pool's worker (under BROOD_INLINE: when called from a pool's task).
bool exists();
/// The worker's index: 0 to the pool's size - 1, and from the size upwards for substitutes that run while a
/// worker's task waits for its own pool. Throws UsageError outside a worker.
int index();
/// How many processes have had this index, this one included: 1 for the first.
std::uint32_t incarnation();
/// A number that differs for each worker and incarnation, for seeding random generators.
std::uint64_t seed();

/// The object that the pool's initializer returned in this worker; it lives as long as the worker. Throws
/// UsageError when the initializer returned nothing, or an object of another type. Functions may take the
/// object by reference instead (see Pool).
template <class State>
State& state() {
  return detail::worker_state<State>();
}

/// The token that tells this task to stop, because of its deadline or Future::cancel. Costs a few loads; any
/// thread of the task may call it. Outside a worker the token never requests a stop.
StopToken stop_token();

/// The pool whose worker this is, to submit to from inside a task (include <brood/pool.hpp>):
///
///   long tree(int depth) {
///     if (depth == 0) return 1;
///     auto left = brood::this_worker::pool().apply_async(tree, depth - 1);
///     return tree(depth - 1) + left.get();
///   }
///
/// While a task waits for one that it submitted, a substitute process runs in place of its worker, so the
/// pool cannot deadlock on itself. There are at most 64 substitutes, or four per worker if that is more;
/// beyond that the innermost tasks fail with UsageError. A task that dies affects no other task, wherever it
/// was submitted. close, terminate and join throw UsageError here: only the process that made the pool may
/// call them. Submitting costs a few microseconds more than in that process. The reference is valid as long
/// as the worker lives.
Pool& pool();

}  // namespace brood::this_worker
