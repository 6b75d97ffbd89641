#pragma once
// What a process may do. A fork server is a copy of the program as it was: where the program has given up
// rights since, its children would still have them.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace brood::platform {

struct Capabilities {
  std::uint64_t effective = 0, permitted = 0, inheritable = 0;
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// What is cheap to ask, of the calling thread: eight system calls. What cannot be told is as in a new
/// object.
struct Rights {
  std::array<std::uint32_t, 6> identity{};  // real, effective and saved user and group
  std::vector<std::uint32_t> groups;
  Capabilities capabilities;
  bool no_new_privileges = false;
  int seccomp = 0;                      // the mode: 0, or 2 with filters
  std::array<std::uint64_t, 3> root{};  // device and inode of /, and the mount where the kernel tells it
};

/// What takes longer.
struct Confinement {
  std::uint64_t bounding = 0;  // capabilities that an exec may give
  std::uint32_t filters = 0;   // of seccomp; 0 before Linux 5.9
  std::array<std::uint64_t, 6> namespaces{};
};

void read_rights(Rights& now);
void read_confinement(Confinement& now);

/// What a process with `then` has done to itself when it has `now`, and what a copy from then would be
/// without, in words; empty: nothing. What a process has gained does not count, but a change of users and
/// groups does.
std::string changes_that_confine(const Rights& then, const Rights& now);
std::string changes_that_confine(const Confinement& then, const Confinement& now);
/// After an exec, which gives a superuser back what it had dropped. Empty, or what failed.
std::string drop_capabilities_beyond(const Capabilities& most);
/// Children of this thread would be in another namespace of pids than itself: unshare(CLONE_NEWPID).
bool children_are_in_another_pid_namespace(const Confinement& now);

}  // namespace brood::platform
