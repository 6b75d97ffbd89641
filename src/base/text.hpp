#pragma once
// Cuts texts to a given size.

#include <string>
#include <string_view>

namespace brood {

/// The longest beginning of the text of at most `most` bytes that ends with a whole character (UTF-8).
std::string_view whole_characters(std::string_view text, std::size_t most);

/// The text, or as much of it as fits into `most` bytes with "..." appended, cut between characters, and
/// between words where that loses little.
std::string shortened(std::string_view text, std::size_t most);

/// The longest end of the text of at most `most` bytes that begins with a whole character.
std::string_view last_characters(std::string_view text, std::size_t most);

}  // namespace brood
