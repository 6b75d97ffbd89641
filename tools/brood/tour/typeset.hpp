#pragma once
// Text in columns of a terminal: how wide it is, and where its lines break. Chinese characters take two
// columns; their lines may break between any two of them, but none begins with ，。 or ends with （“.

#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// Columns that UTF-8 text takes. Bytes that are no UTF-8 count one each.
int width_of(std::string_view text);

/// Prose in lines of at most `columns` (at least 2); spaces and line ends in `text` are places to break.
std::vector<std::string> wrap(std::string_view text, int columns);

/// A line that must keep its spaces (code, a program's output), cut into pieces of at most `columns`, between
/// words where there are any.
std::vector<std::string> fold(std::string_view line, int columns);

}  // namespace tool
