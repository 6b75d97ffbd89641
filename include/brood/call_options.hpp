#pragma once
/// CallOptions: what a call may cost, and what becomes of it when things go wrong. Leads the arguments of
/// Pool's calls:
///
///   auto pages = pool.apply_async({.deadline = 2s}, parse, "a.pdf");
///   auto sums = pool.map({.time_limit = 10s, .idempotent = true}, checksum, files);
///
/// A task that must end is first asked to: its this_worker::stop_token() says so. When `grace` has passed its
/// process is killed, with all programs that it has started, and the pool gets a new worker; no other task
/// notices. The Future throws DeadlineExceeded as soon as nothing of the task runs any more, whatever it
/// returned in the meantime: at the latest `grace` after the deadline, and the time that the kernel needs.
///
/// Cost: some allocations, and a system call where its deadline is the earliest of the pool. Under
/// BROOD_INLINE none of them is heeded.

#include <brood/detail/std_parts.hpp>
#include <brood/timeout.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace brood {

struct CallOptions {
  /// From the submission on, waiting in line included; a task that has not begun by then never does. Zero or
  /// less has passed already.
  Timeout deadline = {};
  /// From the moment on at which a worker begins with it (for each run anew); such a task is not put into
  /// line behind another in a worker.
  Timeout time_limit = {};
  /// Between the request to stop and the kill.
  Timeout grace = std::chrono::milliseconds(100);
  /// It may run more than once: when its worker dies the task runs again, with the arguments as they were
  /// submitted, instead of failing with WorkerDied.
  bool idempotent = false;
  /// How often again; 2 when not given. UsageError when given for a task that is not idempotent, or below 0.
  std::optional<int> retries = {};
  /// Stands for the function's name in messages.
  std::string name = {};
  /// Bytes of memory that the worker may hold while it runs this, in two ways. Its data (RLIMIT_DATA: heap
  /// and private mappings, touched or not, what it had before included): beyond that allocations fail, and a
  /// task that ends by it, or throws std::bad_alloc, fails with MemoryLimitExceeded. And, where the system
  /// lets this program make a memory cgroup below its own (version 1, or 2; mostly as root), the real memory
  /// that it and all that the task starts come to hold, shared memory included: a little above the limit the
  /// system kills the worker, or what it started, and the task fails with MemoryLimitExceeded too. UsageError
  /// for 0. A task with a limit costs some microseconds more, where there is a cgroup some tens.
  std::optional<std::uint64_t> memory_limit = {};
  /// Among the tasks that wait for a worker those of a higher one come first; 0 is the usual. What a worker
  /// has in its lane already, one task or about a millisecond's work, is not overtaken. Tasks that submit to
  /// their own pool give none: theirs come first.
  int priority = 0;
  /// Tasks with the same key go to the same worker, one after the other in the order of their submission: to
  /// what it has loaded, or opened, for them. Which one that is follows from the key; others may wait with it
  /// while workers are idle. When that worker has died they go to the one that takes its place. Heeded for
  /// calls from where the pool was made.
  std::string key = {};
  /// For map, starmap, their _async, imap and imap_unordered: so many items travel together. Without it they
  /// are as many as take some hundred microseconds, by what the last ones took. It changes nothing but the
  /// time: each item succeeds or fails by itself, and what stands behind one whose worker died goes to
  /// others. Items that wait for one another need 1. UsageError below 1, and in apply.
  std::optional<int> chunksize = {};
};

/// What Future::cancel does with a task that runs.
enum class CancelMode {
  /// Asks it to stop.
  ask,
  /// Ends it, with its process.
  kill,
};

}  // namespace brood
