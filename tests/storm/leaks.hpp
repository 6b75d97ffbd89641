#pragma once
// What may be left over: processes, descriptors, chunks and members of the arena, files.

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace storm {

/// A run of the arena's chunks.
struct Run {
  std::uint32_t generation, owner, length;
  std::string text;
};

/// Makes what a program makes once, then counts. Call it before the first round.
class Leaks {
 public:
  Leaks();
  /// Waits a while for what is on its way out, then complains of the rest. Each is told once.
  void look();

 private:
  void look_at_chunks();
  std::uint32_t chunks_ = 0, members_ = 0;
  std::size_t descriptors_ = 0;
  std::map<std::uint64_t, Run> runs_;
  std::set<std::string> files_;
};

}  // namespace storm
