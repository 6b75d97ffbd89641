#pragma once
// The surroundings of a process: directory, umask, environment, limits, processors, descriptors, signals.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/descriptor.hpp"
#include "platform/park.hpp"

namespace brood::platform {

/// How the kernel schedules a thread, as the thread's fork would pass it on.
struct Scheduling {
  std::uint32_t policy = 0, priority = 0;  // priority: of the real-time policies
  std::int32_t nice = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;  // of SCHED_DEADLINE
  friend bool operator==(const Scheduling&, const Scheduling&) = default;
};

/// What children take over from the process that calls start.
struct Surroundings {
  std::string directory;    // empty: unknown (removed)
  std::uint32_t mask = 0;   // umask
  std::string environment;  // NAME=value strings, each ended by a zero byte
  std::vector<std::pair<std::uint64_t, std::uint64_t>> limits;  // soft and hard, by resource number
  std::string processors;                // the affinity mask, as the kernel keeps it; empty: unknown
  std::optional<Scheduling> scheduling;  // none: unknown
  friend bool operator==(const Surroundings&, const Surroundings&) = default;
};

/// A directory of one process, for use by others: its descriptor number there, and what distinguishes it from
/// another directory that has got this number or path since. It may have been removed.
struct Folder {
  std::int32_t number = -1;  // of a descriptor; -1: the process's working directory
  std::uint64_t device = 0, inode = 0;
  std::string path;  // empty: no path leads there
  /// If false, the directory could not even be examined, and only the path is left.
  bool is_known() const { return inode != 0; }
};
/// The working directory of this process. `keep` holds it open, or is empty if that is impossible.
Folder current_folder(Descriptor& keep);
/// The same without holding it open: valid as long as this process stays there.
Folder current_folder();
/// Makes `folder`, described by the process `owner`, the working directory. Returns an error text or an empty
/// string.
std::string enter_folder(std::int32_t owner, const Folder& folder);

/// Reads this process's own; processors and scheduling are the calling thread's. `alone`: there is one
/// thread, so the umask may be read by setting it.
void read_surroundings(Surroundings& now, bool alone);
/// Applies `from` to this process where it differs from `here`. Returns an error text or an empty string.
std::string apply_surroundings(const Surroundings& from, const Surroundings& here);

/// For a child whose caller has the server's surroundings: restores only the limits that brood itself raised.
std::string apply_own_limits(const Surroundings& server);

/// Raises the soft limit of descriptors to the hard one; returns the old and the new limit.
std::pair<std::uint64_t, std::uint64_t> raise_descriptor_limit();
std::uint64_t soft_descriptor_limit();
/// Restores `was` if the limit is still `raised`.
void lower_descriptor_limit(std::uint64_t raised, std::uint64_t was);
inline constexpr std::size_t descriptor_limit = 7;  // index of RLIMIT_NOFILE in `limits`

/// Closes every descriptor but 0, 1, 2 and those kept.
void close_descriptors_but(std::initializer_list<int> kept);
void stdin_from_null();
/// Makes the write end of a pipe stderr here: `write_end_of` is the number of its read end in process
/// `owner`.
bool stderr_into(std::int32_t owner, int write_end_of);
/// Sets all signals to their default action.
void reset_signals();
/// Blocks all signals; they stay pending. A child that is cloned then starts with none pending.
void block_signals();
void unblock_signals();
/// Increments `bell` and wakes its sleepers whenever a child with exit signal SIGCHLD ends. Call it with
/// signals blocked.
void count_child_ends(Word& bell);
void stop_counting_child_ends();
/// Makes this process the leader of a new process group.
void lead_group();
/// Sets the name that ps shows (15 bytes).
void set_process_name(const std::string& name);

/// Registers a function that exit calls, with its code, before everything registered with atexit so far.
void on_exit_first(void (*f)(int code, void*));

/// Writes out what stdio and iostreams have buffered.
void flush_output();
/// For a child: makes stdout line-buffered and discards inherited buffer contents.
void line_buffered_output();
/// Writes the whole text to stderr at once, bypassing stdio.
void say(const std::string& text);

int thread_count();
/// Names of the threads of this process, except the calling one.
std::vector<std::string> names_of_other_threads();
/// True if the C library has never seen a second thread: as good as thread_count() == 1, and free. May be
/// false although there is one thread.
bool has_single_thread();
/// Processors that this process may use, at least 1; respects affinity and cgroup quota.
int usable_processors();
/// The same, but the quota is read once; used to decide whether spinning can help.
int usable_processor_count();
/// True if the environment variable is set to something other than 0.
bool variable_set(const char* name);
/// Processors of the machine.
int machine_processors();

}  // namespace brood::platform
