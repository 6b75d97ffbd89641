#pragma once
// Texts that have to fit.

#include <string>
#include <string_view>

namespace brood {

/// The first bytes of the text, no more than `most`, that end with a whole character (UTF-8).
std::string_view whole_characters(std::string_view text, std::size_t most);

/// The text, or as much of it as fits into `most` bytes with "..." behind it: whole words where that costs
/// little, and whole characters.
std::string shortened(std::string_view text, std::size_t most);

/// The last bytes of the text, no more than `most`, that begin with a whole character.
std::string_view last_characters(std::string_view text, std::size_t most);

}  // namespace brood
