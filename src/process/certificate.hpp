#pragma once
// The data that a child receives at its birth.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/rights.hpp"
#include "platform/surroundings.hpp"

namespace brood::process {

struct Certificate {
  std::string name;
  std::string path;  // "2" for Process-2, "2:1" for its first child
  std::string parent_name;
  std::int32_t parent_pid = 0;
  bool daemon = false;
  bool nests = false;
  std::uint64_t thunk = 0;                             // CodeRef of the call's thunk
  std::vector<std::byte> call;                         // the encoded arguments
  std::optional<platform::Surroundings> surroundings;  // if they differ from the server's
  std::optional<platform::Folder> folder;              // the working directory, if no path leads there
  // pools:
  std::int32_t lane = -1;
  std::int32_t errors = -1;  // number, in the parent, of the read end of the pipe for its stderr
  // spawn:
  std::optional<platform::Capabilities> capabilities;  // upper bound of the child's capabilities
  std::vector<std::string> modules;
};

}  // namespace brood::process
