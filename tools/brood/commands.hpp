#pragma once

#include <filesystem>

namespace tool {

struct CopyArguments {
  std::filesystem::path source, target;
  int processes = 0;  // 0: as many as there are processors
  bool quiet = false;
  int rounds = 3;  // of --compare
};

/// Exit code: 0 all copied, 1 something was not, 2 nothing could begin.
int copy(const CopyArguments& arguments);
/// The founding exercise: one process against pools of every size, on one tree.
int compare(const CopyArguments& arguments);

}  // namespace tool
