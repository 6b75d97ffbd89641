#pragma once
// A limit on the real memory of a process and everything it starts: a memory cgroup of its own (version 1 or
// 2). Many systems do not allow ordinary programs to make one; then there is no such limit.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function_ref.hpp"
#include "platform/child.hpp"

namespace brood::platform {

class MemoryGroup {
 public:
  /// A folder with a longer name is not used.
  static constexpr std::size_t longest_folder = 255;

  MemoryGroup() = default;
  /// Moves the calling process into a new group below the group that it is in (memory that it has taken
  /// before counts there, not here). Calls `announce` with the name of each folder before it is made: `owner`
  /// removes the folder when this process has ended, wherever that happens. Empty if no group can be made.
  static MemoryGroup enter(Pid owner, FunctionRef<void(const std::string&)> announce);
  /// The group that `member` has announced to `owner`; empty if `folder` cannot be such a name. Any process
  /// may have written that text.
  static MemoryGroup announced(std::string_view folder, Pid owner, Pid member);
  explicit operator bool() const { return !folder_.empty(); }

  /// Limits real memory to `bytes` from now on, 0: unlimited. Shared memory that the group has touched so far
  /// is added, because it belongs to others too. Takes some microseconds.
  void limit(std::uint64_t bytes) const;
  /// How many processes of the group were killed because of the limit.
  std::uint64_t kills() const;
  /// False if a process in the group has not quite ended.
  bool remove() const;

 private:
  MemoryGroup(std::string folder, bool second_version)
      : folder_(std::move(folder)), second_version_(second_version) {}

  std::string folder_;
  bool second_version_ = false;
};

/// The groups that the text of a /proc/PID/cgroup names, with their folders below `root`: the process's own,
/// and whether they are of version 2.
struct NamedGroup {
  std::string folder;
  bool second_version = false;
};
std::vector<NamedGroup> memory_groups_in(const std::string& text, const std::string& root);

/// What is left for this process under the limits of its groups; max() if unlimited or unknown.
std::uint64_t cgroup_memory_left();

}  // namespace brood::platform
