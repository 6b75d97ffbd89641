// Texts that are cut end with whole words and characters, and say that they were cut.

#include <gtest/gtest.h>

#include <brood/detail/told.hpp>

#include "base/text.hpp"

namespace {

using brood::last_characters;
using brood::shortened;
using brood::whole_characters;

// A text of one, two, three and four bytes a character.
const std::string mixed = "aé多𝄞b";

bool is_whole(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if ((byte & 0xc0U) == 0x80U) return false;
    at += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (at > text.size()) return false;
  }
  return true;
}

TEST(Text, is_cut_between_characters) {
  for (std::size_t most = 0; most <= mixed.size() + 1; ++most) {
    for (const auto part : {whole_characters(mixed, most), last_characters(mixed, most)}) {
      EXPECT_TRUE(is_whole(part)) << most;
      EXPECT_LE(part.size(), most);
      EXPECT_GT(part.size() + 4, std::min(most, mixed.size()));
    }
    EXPECT_TRUE(mixed.starts_with(whole_characters(mixed, most)));
    EXPECT_TRUE(mixed.ends_with(last_characters(mixed, most)));
    EXPECT_TRUE(is_whole(shortened(mixed, most))) << most;
    EXPECT_LE(shortened(mixed, most).size(), most);
  }
}

TEST(Text, that_is_no_utf8_is_cut_all_the_same) {
  const std::string bytes(20, '\x9f');
  EXPECT_EQ(whole_characters(bytes, 10).size(), 10U);
  EXPECT_EQ(last_characters(bytes, 10).size(), 10U);
}

TEST(Text, that_fits_is_left_as_it_is) {
  EXPECT_EQ(shortened("one two", 7), "one two");
  EXPECT_EQ(shortened("", 0), "");
}

TEST(Text, is_cut_between_words_where_there_are_some) {
  EXPECT_EQ(shortened("ask for more members", 15), "ask for more...");
  EXPECT_EQ(shortened("ask for more members", 16), "ask for more...");
  EXPECT_EQ(shortened("a_very_long_name_of_a_function", 15), "a_very_long_...");
  EXPECT_EQ(shortened("f a_very_long_name_of_a_function", 15), "f a_very_lon...");
}

TEST(Text, of_an_argument_in_a_message_is_cut_between_characters) {
  std::string told;
  brood::detail::tell(told, std::string(39, 'x') + "é and so on");
  EXPECT_EQ(told, '"' + std::string(39, 'x') + "...\"");
}

}  // namespace
