#pragma once
// Two copies of one library in a process.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace brood::platform {

/// Finds a call of a function whose name begins with `prefix` that leads out of the module that contains
/// `code`, although the module has the function itself. Returns the paths of both modules, this one's first;
/// nothing if there is no such call.
std::optional<std::pair<std::string, std::string>> find_foreign_calls(const void* code,
                                                                      std::string_view prefix);

}  // namespace brood::platform
