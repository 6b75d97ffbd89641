#pragma once
// A picture of the bench's own JSON: tasks a second against the length of a task, both axes logarithmic.

#include <string>

namespace bench {

/// What the cases that the picture shows are called.
std::string name_of_length(int microseconds);
inline constexpr int lengths[] = {1, 3, 10, 30, 100, 300, 1000};

/// Reads the lines that --json wrote, writes SVG. A sentence when it cannot, else "".
std::string draw(const std::string& json, const std::string& svg);

}  // namespace bench
