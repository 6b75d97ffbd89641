#pragma once
// Who runs below this process, by what the kernel says.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

struct Seen {
  int pid = 0, parent = 0;
  char state = '?';
  std::string name;
};

std::optional<Seen> look_at(int pid);
std::vector<int> children_of(int pid);
/// Everybody below, zombies included.
std::vector<Seen> all_below(int pid);
/// The whole tree as lines, for reports.
std::string tree_below(int pid);

/// A process that will not become another while this exists.
class Victim {
 public:
  Victim() = default;
  /// Empty unless it is a living child of `parent`.
  Victim(int pid, int parent);
  Victim(Victim&& other) noexcept;
  Victim& operator=(Victim&& other) noexcept;
  ~Victim();
  explicit operator bool() const { return fd_ >= 0; }
  int pid() const { return pid_; }
  void signal(int number) const;
  /// Until it has ended; what was killed lives on for a moment.
  void wait_for_end() const;

 private:
  int pid_ = 0, fd_ = -1;
};

}  // namespace storm
