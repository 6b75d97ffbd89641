#pragma once
// What a process may do. A fork server is a copy of the program as it was: if the program has given up rights
// since, children of the server would still have them.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace brood::platform {

struct Capabilities {
  std::uint64_t effective = 0, permitted = 0, inheritable = 0;
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// The rights that are cheap to read, for the calling thread: eight system calls. A value that cannot be read
/// stays as in a new object.
struct Rights {
  std::array<std::uint32_t, 6> identity{};  // real, effective and saved user and group
  std::vector<std::uint32_t> groups;
  Capabilities capabilities;
  bool no_new_privileges = false;
  int seccomp = 0;                      // the mode: 0, or 2 with filters
  std::array<std::uint64_t, 3> root{};  // device and inode of /, and the mount ID if the kernel has it
};

/// The rights that take longer to read.
struct Confinement {
  std::uint64_t bounding = 0;  // capabilities that an exec may give
  std::uint32_t filters = 0;   // number of seccomp filters; 0 before Linux 5.9
  std::array<std::uint64_t, 6> namespaces{};
};

void read_rights(Rights& now);
void read_confinement(Confinement& now);

/// Describes how a process has confined itself between `then` and `now`: confinement that a copy from `then`
/// would lack. Empty if there is none. Rights that were gained do not count, but a change of user or groups
/// does.
std::string changes_that_confine(const Rights& then, const Rights& now);
std::string changes_that_confine(const Confinement& then, const Confinement& now);
/// For use after an exec, which gives root back what it had dropped. Returns an error text or an empty
/// string.
std::string drop_capabilities_beyond(const Capabilities& most);
/// True if children of this thread would be in another pid namespace than this process:
/// unshare(CLONE_NEWPID).
bool children_are_in_another_pid_namespace(const Confinement& now);

}  // namespace brood::platform
