#pragma once
// A limit on the real memory of a process and of all that it starts: a memory cgroup of its own (version 1 or
// 2). Many systems let no ordinary program make one; then there is none.

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
  /// Moves the calling process into a new one below the group that it is in (what it has taken before counts
  /// there, not here). `announce` is told the name of each folder before it is made: `owner` removes it when
  /// this process has ended, wherever that happens. Empty where none can be made.
  static MemoryGroup enter(Pid owner, FunctionRef<void(const std::string&)> announce);
  /// That `member` has announced to `owner`; empty when that can be no such name. It is text that anybody may
  /// have written.
  static MemoryGroup announced(std::string_view folder, Pid owner, Pid member);
  explicit operator bool() const { return !folder_.empty(); }

  /// Bytes of real memory from now on, 0: unlimited. Shared memory that it has touched so far comes on top:
  /// that belongs to others too. Some microseconds.
  void limit(std::uint64_t bytes) const;
  /// How many of its processes were killed because of the limit.
  std::uint64_t kills() const;
  /// False when somebody in it has not quite ended.
  bool remove() const;

 private:
  MemoryGroup(std::string folder, bool second_version)
      : folder_(std::move(folder)), second_version_(second_version) {}

  std::string folder_;
  bool second_version_ = false;
};

/// The groups that the text of a /proc/PID/cgroup names, with the folders that they have below `root`: own,
/// and whether it is of version 2.
struct NamedGroup {
  std::string folder;
  bool second_version = false;
};
std::vector<NamedGroup> memory_groups_in(const std::string& text, const std::string& root);

/// What is left for this process under the limits of its groups; max() when unlimited or unknown.
std::uint64_t cgroup_memory_left();

}  // namespace brood::platform
