#pragma once
/// The first line of main.
///
///   int main(int argc, char** argv) {
///     brood::init(argc, argv);
///     ...
///   }
///
/// In the program it makes the memory that processes share and the fork server, and returns at once. In a
/// copy of the program that was made by `spawn` it becomes the child and never returns. Children see the
/// program as it is here: what is done before this line they have too, so it should be little and start no
/// thread. What the program makes of itself later is in this table. (A child by `fork` is a copy of its
/// caller at start in all of it.)
///
/// | of the program                                                                       | under forkserver and spawn |
/// |--------------------------------------------------------------------------------------|----------------------------|
/// | working directory, umask, environment, resource limits                                | as its caller's at start |
/// | stdout and stderr: the same open files, closed where they are (a worker's stderr goes through the program) | as its caller's at start |
/// | processor affinity, niceness, scheduling policy with its parameters                   | as the calling thread's at start; a pool's workers, also replaced ones, as those of the thread that made it |
/// | globals, loaded libraries                                                             | as at init (spawn: fresh) |
/// | I/O priority, timer slack, oom_score_adj, huge pages (PR_SET_THP_DISABLE), securebits, what else a process has | as at init |
/// | stdin, signals, process group, other descriptors                                      | their own: see StartMethod |
/// | user, group, supplementary groups                                                     | as at init; once changed each start is refused |
/// | capabilities that it has dropped, no_new_privs, the first seccomp filter, chroot, namespace of mounts | each start is refused |
/// | capabilities dropped from the bounding set, further seccomp filters; namespaces of users, network, IPC, UTS, cgroups, pids | each pool is refused; Process::start does not look, it would take too long |
/// | Landlock and labels of security modules, where no_new_privs does not tell of them     | as at init; not noticed |
///
/// As at init means: as at the last renew_server, where there was one. What is refused is confinement that a
/// child would be without: StartFailed names it and renew_server, which gives it. (Not a namespace of pids:
/// the program must be run anew there.) Rights that the program has gained are its children's with the next
/// renew_server. Where there is no /proc, namespaces are not told from each other. Server and standby keep
/// stdout and stderr open until the first start after the program has redirected them.
///
/// Without init the first use of brood does the same while the program has one thread; `spawn` needs it.
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
/// Then the signal ends it as usual. A child that gets the signal reports itself and the processes that it
/// has made. If the program handles or ignores SIGQUIT, from before init or later, brood changes nothing.

#include <brood/detail/std_parts.hpp>
#include <brood/start_method.hpp>
#include <cstdint>

namespace brood {

/// What init may be told: `brood::init(argc, argv, {.arena_bytes = 1 << 30});`. Both are limits; nothing is
/// paid for what is not used. UsageError for what cannot be met.
struct InitOptions {
  /// Most memory that processes may share, in bytes; reserved only as it is used. 0: the machine's memory, or
  /// a quarter of RLIMIT_AS where that is less. Else from 4 MiB to 128 TiB.
  std::uint64_t arena_bytes = 0;
  /// Most processes that may share it at one time, 8 to 4095.
  std::uint32_t members = 4095;
};

/// Makes what all else stands on: the shared memory and the fork server. Call it once, while the program has
/// one thread; a second call does nothing. Takes about a millisecond. argv is kept, for `spawn`. Throws
/// UsageError when there are threads already or this process was made by a fork() of the program's own,
/// NoMemory when the arena cannot be had, OsError when the server cannot be made.
void init(int argc, char** argv, InitOptions options = {});

/// Makes a new fork server, a copy of the program as it is now: after dlopen, setuid, chroot, or when
/// children should see today's globals. While the program has one thread; throws UsageError otherwise,
/// OsError when it cannot be made. Running children stay. Cost: as init.
///
///   load_plugins();              // dlopen: the server does not have them yet
///   brood::renew_server();
void renew_server();

/// Runs `handler` when this process ends normally (main returns, exit is called, a child's function returns
/// or throws), the last registered first, before children are joined and pools finished. As with std::atexit
/// what was made before is still there: statics that were constructed before this call are destroyed after
/// the handler has run, those constructed later before it does, and handlers of both kinds run in one order.
/// Each process has its own: a child runs those registered in the child. Any thread may call it; what a
/// handler throws is reported on stderr. Not run when the process is killed. Throws NoMemory.
void at_exit(std::function<void()> handler);

/// Processors of this machine, at least 1. Python's cpu_count().
int cpu_count();
/// Processors this process may use: affinity and cgroup limits counted, at least 1. The default size of a
/// Pool.
int usable_cpu_count();

}  // namespace brood
