#pragma once
// Two copies of one library in a process.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace brood::platform {

/// Where calls of functions whose names begin so lead elsewhere than into the module that `code` lies in,
/// although it has them itself: the paths of both, this one's first. Nothing where none do.
std::optional<std::pair<std::string, std::string>> find_foreign_calls(const void* code,
                                                                      std::string_view prefix);

}  // namespace brood::platform
