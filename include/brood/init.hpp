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
/// thread.
///
/// Without it the first use of brood does the same while the program has one thread; `spawn` needs it.

#include <brood/start_method.hpp>
#include <cstdint>
#include <functional>

namespace brood {

struct InitOptions {
  /// Most memory that processes may share, in bytes; reserved only as it is used. 0: the machine's memory, or
  /// a quarter of RLIMIT_AS where that is less.
  std::uint64_t arena_bytes = 0;
  /// Most processes that may share it at one time, 8 to 4095.
  std::uint32_t members = 4095;
};

/// Call once, while the program has one thread. A second call does nothing. Throws UsageError when there are
/// threads already, NoMemory when the arena cannot be had, OsError when the server cannot be made.
void init(int argc, char** argv, InitOptions options = {});

/// Makes a new fork server, a copy of the program as it is now: after dlopen, setuid, or when children should
/// see today's globals. While the program has one thread; throws UsageError otherwise. Running children stay.
void renew_server();

/// Runs `handler` when this process ends normally (main returns, exit is called, a child's function returns),
/// the last registered first. Each process has its own: a child runs those registered in the child.
void at_exit(std::function<void()> handler);

/// Processors of this machine, at least 1. Python's cpu_count().
int cpu_count();
/// Processors this process may use: affinity and cgroup limits counted, at least 1. The default size of a
/// Pool.
int usable_cpu_count();

}  // namespace brood
