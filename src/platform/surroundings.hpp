#pragma once
// What a process has around it: directory, umask, environment, limits, processors, descriptors, signals.

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

/// How the kernel shares time out to a thread, as its fork would pass it on.
struct Scheduling {
  std::uint32_t policy = 0, priority = 0;  // priority: of the real-time policies
  std::int32_t nice = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;  // of SCHED_DEADLINE
  friend bool operator==(const Scheduling&, const Scheduling&) = default;
};

/// What children take over from the caller of start.
struct Surroundings {
  std::string directory;    // empty: could not be told (removed)
  std::uint32_t mask = 0;   // umask
  std::string environment;  // NAME=value strings, each ended by a zero byte
  std::vector<std::pair<std::uint64_t, std::uint64_t>> limits;  // soft and hard, by resource number
  std::string processors;  // the mask of those it may use, as the kernel keeps it; empty: could not be told
  std::optional<Scheduling> scheduling;  // none: could not be told
  friend bool operator==(const Surroundings&, const Surroundings&) = default;
};

/// A directory of one process, for others: its number there, and what tells it from another that has got that
/// number, or that path, since. It may have been removed.
struct Folder {
  std::int32_t number = -1;  // of a descriptor; -1: it is where that process works
  std::uint64_t device = 0, inode = 0;
  std::string path;  // empty: none leads there
  /// Else it may not even be looked at, and there is the path alone.
  bool is_known() const { return inode != 0; }
};
/// Where this process works. `keep` keeps it; empty where that cannot be.
Folder current_folder(Descriptor& keep);
/// The same without keeping it: as long as this process stays there.
Folder current_folder();
/// Makes it the working directory of this process, as the process `owner` has told it. Empty, or what failed.
std::string enter_folder(std::int32_t owner, const Folder& folder);

/// This process's own, now; of processors and scheduling the calling thread's. `alone`: there is one thread,
/// so that the umask may be asked for by setting it.
void read_surroundings(Surroundings& now, bool alone);
/// Makes them this process's own, as far as they differ. Empty, or what failed.
std::string apply_surroundings(const Surroundings& from, const Surroundings& here);

/// For a child whose caller has the server's surroundings: only the limits that brood itself raised go back.
std::string apply_own_limits(const Surroundings& server);

/// Raises the soft limit of descriptors to the hard one; returns what it was and what it is.
std::pair<std::uint64_t, std::uint64_t> raise_descriptor_limit();
std::uint64_t soft_descriptor_limit();
/// Back to `was`, where the limit still is what it was raised to.
void lower_descriptor_limit(std::uint64_t raised, std::uint64_t was);
inline constexpr std::size_t descriptor_limit = 7;  // RLIMIT_NOFILE's place in `limits`

/// Closes every descriptor but 0, 1, 2 and those kept.
void close_descriptors_but(std::initializer_list<int> kept);
void stdin_from_null();
/// Descriptor `write_end_of` (the read end of a pipe) of process `owner`, opened for writing, becomes stderr
/// here.
bool stderr_into(std::int32_t owner, int write_end_of);
/// Default dispositions for all signals.
void reset_signals();
/// Nothing is delivered; what arrives waits. A child that is cloned meanwhile starts with nothing waiting.
void block_signals();
void unblock_signals();
/// Bumps and wakes the word whenever a child with exit signal SIGCHLD ends; to be called with signals
/// blocked.
void count_child_ends(Word& bell);
void stop_counting_child_ends();
/// Makes this process the leader of a new process group.
void lead_group();
/// What ps shows (15 bytes).
void set_process_name(const std::string& name);

/// Runs before everything that was registered with atexit so far, with the code given to exit.
void on_exit_first(void (*f)(int code, void*));

/// Writes out what stdio and iostreams hold back.
void flush_output();
/// For a child: stdout by lines, and nothing inherited in its buffer.
void line_buffered_output();
/// Writes a whole text to stderr at once, past stdio.
void say(const std::string& text);

int thread_count();
/// Names of the threads of this process, without the calling one.
std::vector<std::string> names_of_other_threads();
/// The C library has never seen a second thread: as good as thread_count() == 1, and free. May be false for
/// one thread.
bool has_single_thread();
/// Processors this process may use: affinity and cgroup quota counted, at least 1.
int usable_processors();
/// The same, but the quota is read once; for deciding whether spinning can help.
int usable_processor_count();
/// A variable of the environment is set to something but 0.
bool variable_set(const char* name);
/// Processors of the machine.
int machine_processors();

}  // namespace brood::platform
