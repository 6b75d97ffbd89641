#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace tool {

struct CopyArguments {
  std::filesystem::path source, target;
  int processes = 0;  // 0: as many as there are processors
  bool quiet = false;
  bool compare = false;
  int rounds = 3;  // of --compare
};

/// Exit code: 0 all copied, 1 something was not, 2 nothing could begin.
int copy(const CopyArguments& arguments);
/// The founding exercise: one process against pools of every size, on one tree.
int compare(const CopyArguments& arguments);

struct TourArguments {
  std::optional<std::string> stop;      // a number; nothing: all of them
  std::optional<std::string> language;  // nothing: that of the environment
  bool list = false;
  bool all = false;  // without pauses
};

/// Exit code: 0, or 1 when an example did not end well. Throws when there is no such stop, or no example to
/// run.
int tour(const TourArguments& arguments);

}  // namespace tool
