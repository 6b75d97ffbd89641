#pragma once
/// The first line of main.
///
///   int main(int argc, char** argv) {
///     brood::init(argc, argv);
///     ...
///   }
///
/// In the program, init makes the fork server and the memory that processes share, and returns at once. In a
/// process that `spawn` has started, init turns the process into the child and never returns. Children see
/// the program as it is at this call, including all that was done before it, so do little before it and start
/// no thread. The table says what children see of later changes. (A child by `fork` is a copy of its caller
/// at start in every respect.)
///
/// | of the program                                                                       | under forkserver and spawn |
/// |--------------------------------------------------------------------------------------|----------------------------|
/// | working directory, umask, environment, resource limits                                | the caller's at start |
/// | stdout and stderr: the same open files, or closed (a worker's stderr goes through the program) | the caller's at start |
/// | processor affinity, niceness, scheduling policy with its parameters                   | the calling thread's at start; in a pool's workers, replacements included, those of the thread that made the pool |
/// | globals, loaded libraries                                                             | as at init (spawn: fresh) |
/// | I/O priority, timer slack, oom_score_adj, huge pages (PR_SET_THP_DISABLE), securebits, every other attribute | as at init |
/// | stdin, signals, process group, other descriptors                                      | their own: see StartMethod |
/// | user, group, supplementary groups                                                     | as at init; after a change, each start is refused |
/// | dropped capabilities, no_new_privs, the first seccomp filter, chroot, mount namespace | after a change, each start is refused |
/// | capabilities dropped from the bounding set, further seccomp filters; user, network, IPC, UTS, cgroup and pid namespaces | after a change, each pool is refused; Process::start does not check, because that would take too long |
/// | Landlock and labels of security modules, unless no_new_privs reveals them             | as at init; a change is not noticed |
///
/// "As at init" means: as at the last renew_server, if there was one. brood refuses to make a child that
/// would lack confinement that the program has. StartFailed then names that confinement, and renew_server,
/// which gives it to children. (The exception is a pid namespace: the program must be restarted in it.)
/// Rights that the program has gained reach its children after the next renew_server. Without /proc,
/// namespaces cannot be told apart. The server and its standby keep stdout and stderr open until the first
/// start after the program has redirected them.
///
/// Without init, the first use of brood does the same if the program has one thread then; `spawn` needs init.
/// GoogleTest, GUI toolkits, libraries and containers: docs/setup.md.
///
/// A program that hangs reports which of its threads and processes waits for what when SIGQUIT ends it
/// (Ctrl-\, or `kill -QUIT PID`): at most 40 lines on stderr, one for each of brood's waits that has lasted
/// at least half a second.
///
///   brood: SIGQUIT: who waits for what in app (pid 470), with 2 more processes
///     app (pid 470) waits in Process::join of Process-1 (pid 471), for 12 s
///     Process-1 (pid 471) waits in Queue::get on queue 55, which is empty, for 12 s
///     1 worker is without a task: PoolWorker-1 (pid 472)
///
/// Then the signal ends the program as usual. A child that gets the signal reports itself and the processes
/// that it has made. If the program handles or ignores SIGQUIT, whether set before init or later, brood
/// changes nothing.

#include <brood/detail/std_parts.hpp>
#include <brood/start_method.hpp>
#include <cstdint>

namespace brood {

/// Options of init: `brood::init(argc, argv, {.arena_bytes = 1 << 30});`. Both are limits; unused capacity
/// costs nothing. init throws UsageError for a value out of range.
struct InitOptions {
  /// The most memory that processes may share, in bytes; reserved only as it is used. 0: the least of the
  /// machine's memory, a quarter of RLIMIT_AS, and RLIMIT_FSIZE. Otherwise from 4 MiB to 128 TiB.
  std::uint64_t arena_bytes = 0;
  /// The most processes that may share that memory at one time, 8 to 4095.
  std::uint32_t members = 4095;
};

/// Makes what everything else needs: the shared memory and the fork server. Call it once, while the program
/// has one thread; a second call does nothing. Takes about a millisecond. argv is kept, for `spawn`. Throws
/// UsageError if there are other threads already or this process was made by the program's own fork(),
/// NoMemory if the arena cannot be mapped or reserved, OsError if the server cannot be made.
void init(int argc, char** argv, InitOptions options = {});

/// Replaces the fork server by a new copy of the program as it is now: after dlopen, setuid or chroot, or to
/// let children see today's globals. Requires that the program has one thread and throws UsageError
/// otherwise; OsError if the server cannot be made. Running children go on. Costs as much as init.
///
///   load_plugins();              // dlopen: the server does not have them yet
///   brood::renew_server();
void renew_server();

/// Registers `handler` to run when this process ends normally: main returns, exit is called, or a child's
/// function returns or throws. Handlers run in reverse order of registration, before children are joined and
/// pools finished. They run in one order with std::atexit handlers and the destructors of statics: a static
/// that was constructed before this call is destroyed after the handler has run, one constructed later
/// is destroyed before it runs. Each process has its own handlers: a child runs those registered in the
/// child. Any thread may call at_exit. What a handler throws is reported on stderr. Handlers do not run when
/// the process is killed. Throws NoMemory. handler throws is reported on stderr. Not run when the process is
/// killed. Throws NoMemory.
void at_exit(std::function<void()> handler);

/// The number of processors of this machine, at least 1. Python's cpu_count().
int cpu_count();
/// The number of processors that this process may use, at least 1; respects affinity and cgroup limits. The
/// default size of a Pool.
int usable_cpu_count();

}  // namespace brood
