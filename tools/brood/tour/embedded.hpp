#pragma once
// Files that are put into the program when it is built (cmake/embed.cmake).

#include <string_view>

namespace tool {

/// By its name without folder and extension: "en", "10_two_loops". Throws std::out_of_range.
std::string_view embedded(std::string_view name);

}  // namespace tool
