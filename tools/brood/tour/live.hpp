#pragma once
// A program that runs now, in front of the reader: each of its lines as it comes, with the time of its
// coming.

#include <filesystem>
#include <functional>
#include <string>

namespace tool {

/// Where the examples' programs are: beside this program in the build folder, or where they were installed
/// to. Throws std::runtime_error, whose text says where it looked, when there is no such program.
std::filesystem::path program_of_example(const std::string& name);

struct LiveEnd {
  double seconds;
  int exit_code;  // minus the signal that ended it
};

/// Runs a program with a terminal of its own, so that it prints as it would for a reader, and calls `line`
/// for each line. Returns when it has ended and nobody has its terminal any more; it is killed after a
/// minute.
LiveEnd run_live(const std::filesystem::path& program,
                 const std::function<void(double seconds, const std::string& text)>& line);

}  // namespace tool
