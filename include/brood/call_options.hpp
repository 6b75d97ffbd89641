#pragma once
/// CallOptions: limits for a call, and what happens when it fails. They come first among the arguments of
/// Pool's calls:
///
///   auto pages = pool.apply_async({.deadline = 2s}, parse, "a.pdf");
///   auto sums = pool.map({.time_limit = 10s, .idempotent = true}, checksum, files);
///
/// A task that must end is first asked to: its this_worker::stop_token() reports it. After `grace` the worker
/// process is killed, with all programs it has started, and the pool replaces it; no other task notices. The
/// Future throws DeadlineExceeded once nothing of the task is running any more, whatever the task returned in
/// the meantime: at the latest `grace` after the deadline, plus the time the kernel needs.
///
/// Cost: some allocations, and a system call if this deadline is the earliest in the pool. Under BROOD_INLINE
/// all options are ignored.

#include <brood/detail/std_parts.hpp>
#include <brood/timeout.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace brood {

struct CallOptions {
  /// Time from submission to completion, including the wait in the queue. A task that has not begun by then
  /// never does. A deadline of zero or less has already passed.
  Timeout deadline = {};
  /// Time from when a worker starts running the task to its completion; each rerun starts the clock again. A
  /// task with a time limit is never queued behind another one in a worker.
  Timeout time_limit = {};
  /// Time between the request to stop and the kill.
  Timeout grace = std::chrono::milliseconds(100);
  /// The task may run more than once: when its worker dies, it is rerun with the arguments as submitted
  /// instead of failing with WorkerDied.
  bool idempotent = false;
  /// How many reruns are allowed; default 2. UsageError when it is below 0 or the task is not idempotent.
  std::optional<int> retries = {};
  /// Replaces the function's name in messages.
  std::string name = {};
  /// Bytes of memory that the worker may hold while it runs the task, enforced in two ways. First, its data
  /// (RLIMIT_DATA: heap and private mappings, touched or not, including what the worker already had): beyond
  /// the limit allocations fail, and a task that dies of that, or throws std::bad_alloc, fails with
  /// MemoryLimitExceeded. Second, where the system lets this program make a memory cgroup below its own
  /// (version 1 or 2; mostly as root), the real memory that the worker and all programs the task starts come
  /// to hold, shared memory included: a little above the limit the system kills the worker, or a program it
  /// started, and the task fails with MemoryLimitExceeded too. UsageError for 0. A memory limit costs some
  /// microseconds per task; with a cgroup, some tens.
  std::optional<std::uint64_t> memory_limit = {};
  /// Among the tasks waiting for a worker, those with a higher priority go first; default 0. Tasks already
  /// handed to a worker (one task, or about a millisecond's work) are not overtaken. Tasks that submit to
  /// their own pool need none: their submissions always go first.
  int priority = 0;
  /// Tasks with the same key run on the same worker, one after another in the order of submission, so they
  /// find what it has loaded or opened for them. The key determines the worker; tasks with other keys may
  /// have to wait for the same worker even while others are idle. When that worker dies, its replacement
  /// takes over the key. Only calls from the process that made the pool use the key.
  std::string key = {};
  /// Number of items per batch in map, starmap, their _async forms, imap and imap_unordered. By default brood
  /// sizes batches to take some hundred microseconds, judging by the items before. Batching affects speed
  /// only: each item succeeds or fails by itself, and when an item kills its worker, the rest of its batch
  /// goes to other workers. Items that wait for one another need 1. UsageError below 1, and in apply.
  std::optional<int> chunksize = {};
};

/// What Future::cancel does to a running task.
enum class CancelMode {
  /// Asks the task to stop.
  ask,
  /// Kills the task's process.
  kill,
};

}  // namespace brood
