// The texts of the tour, and how they are set in lines.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include "embedded.hpp"
#include "lesson.hpp"
#include "typeset.hpp"

namespace {

using Lines = std::vector<std::string>;
using tool::fold;
using tool::width_of;
using tool::wrap;

std::vector<std::string> characters_of(const std::string& text) { return fold(text, 1); }

bool is_wide(const std::string& character) { return width_of(character) == 2; }
bool is_punctuation(const std::string& character) {
  static const std::set<std::string> all = {"，", "。", "；", "：", "？", "！",
                                            "、", "（", "）", "“",  "”",  "…"};
  return all.contains(character);
}
bool is_latin(const std::string& character) {
  return character.size() == 1 && std::isalnum(static_cast<unsigned char>(character[0])) != 0;
}

// Everything that is said in a language.
std::string all_text(const std::string& language) {
  const auto lesson = tool::lesson_in(language);
  std::string text;
  const auto add = [&text](const tool::Stop& stop) {
    text += stop.title + "\n\n" + stop.before + "\n" + stop.after;
  };
  add(lesson.begin);
  for (const auto& stop : lesson.stops) add(stop);
  add(lesson.end);
  for (const auto& [name, word] : lesson.words) text += word + "\n\n";
  return text;
}

TEST(TourText, has_a_stop_for_each_example_in_each_language) {
  std::vector<std::string> examples;
  for (const auto& file : std::filesystem::directory_iterator(BROOD_EXAMPLES)) {
    const auto name = file.path().stem().string();
    if (file.path().extension() == ".cpp" && name != "readme") examples.push_back(name);
  }
  std::sort(examples.begin(), examples.end());
  for (const auto& language : tool::languages()) {
    std::vector<std::string> stops;
    for (const auto& stop : tool::lesson_in(language).stops) stops.push_back(stop.name);
    EXPECT_EQ(stops, examples) << language;
  }
}

TEST(TourText, says_at_each_stop_what_it_is_and_one_sentence_to_remember) {
  for (const auto& language : tool::languages()) {
    const auto lesson = tool::lesson_in(language);
    for (const auto& stop : lesson.stops) {
      EXPECT_FALSE(stop.title.empty()) << stop.name;
      EXPECT_FALSE(stop.before.empty()) << stop.name;
      EXPECT_EQ(
          stop.after.rfind("\n> ") == std::string::npos ? stop.after.find("> ") : stop.after.rfind("> "),
          stop.after.find("> "))
          << stop.name << ": more than one";
      EXPECT_NE(stop.after.find("> "), std::string::npos) << stop.name;
    }
    EXPECT_FALSE(lesson.begin.title.empty());
    EXPECT_FALSE(lesson.end.title.empty());
  }
}

TEST(TourText, has_the_same_words_with_the_same_places_in_each_language) {
  const auto english = tool::lesson_in("en").words, chinese = tool::lesson_in("zh").words;
  const auto places = [](const std::string& text) {
    const std::regex place("\\{\\}");
    return std::distance(std::sregex_iterator(text.begin(), text.end(), place), std::sregex_iterator());
  };
  EXPECT_EQ(english.size(), chinese.size());
  for (const auto& [name, word] : english) {
    ASSERT_TRUE(chinese.contains(name)) << name;
    EXPECT_EQ(places(word), places(chinese.at(name))) << name;
  }
}

TEST(TourText, is_chinese_as_it_is_printed) {
  const auto text = characters_of(all_text("zh"));
  for (std::size_t i = 1; i < text.size(); ++i) {
    const auto &a = text[i - 1], &b = text[i];
    std::string around;
    for (std::size_t j = i < 8 ? 0 : i - 8; j < std::min(i + 8, text.size()); ++j) around += text[j];
    const bool ideograph_a = is_wide(a) && !is_punctuation(a), ideograph_b = is_wide(b) && !is_punctuation(b);
    EXPECT_FALSE((ideograph_a && is_latin(b)) || (is_latin(a) && ideograph_b)) << "no space in: " << around;
    EXPECT_FALSE(ideograph_a && b.size() == 1 && std::string(",.;:!?\"").find(b) != std::string::npos)
        << "half-width punctuation in: " << around;
  }
}

TEST(TourTypeset, chinese_characters_take_two_columns) {
  EXPECT_EQ(width_of("pid"), 3);
  EXPECT_EQ(width_of("进程"), 4);
  EXPECT_EQ(width_of("，。（）"), 8);
  EXPECT_EQ(width_of("█·│"), 3);
  EXPECT_EQ(width_of("\xff\xe8"), 2) << "bytes that are no UTF-8";
}

TEST(TourTypeset, breaks_english_between_words) {
  EXPECT_EQ(wrap("one two\nthree", 8), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("abcdefghij k", 4), (Lines{"abcd", "efgh", "ij k"}));
  EXPECT_EQ(wrap("", 8), Lines{});
}

TEST(TourTypeset, breaks_chinese_between_any_two_characters_but_not_before_punctuation) {
  EXPECT_EQ(wrap("一二三四五", 4), (Lines{"一二", "三四", "五"}));
  EXPECT_EQ(wrap("一二三。四", 6), (Lines{"一二", "三。四"}));
  EXPECT_EQ(wrap("一二（三）四", 6), (Lines{"一二", "（三）", "四"}));
  EXPECT_EQ(wrap("一二“三”", 5), (Lines{"一二", "“三”"}));
  EXPECT_EQ(wrap("一\n二", 80), Lines{"一二"}) << "a line's end in the text file is no space";
  EXPECT_EQ(wrap("用 run() 来\nrun", 80), Lines{"用 run() 来 run"});
}

TEST(TourTypeset, no_line_is_too_wide_or_begins_or_ends_with_the_wrong_punctuation) {
  for (const auto& language : tool::languages()) {
    const auto text = all_text(language);
    for (int columns = 12; columns <= 120; ++columns) {
      for (const auto& line : wrap(text, columns)) {
        const auto characters = characters_of(line);
        EXPECT_LE(width_of(line), columns) << line;
        const std::set<std::string> not_first = {"，", "。", "；", "：", "？", "！", "、", "）", "”", "…"};
        EXPECT_FALSE(not_first.contains(characters.front())) << columns << ": " << line;
        EXPECT_FALSE(characters.back() == "（" || characters.back() == "“") << columns << ": " << line;
      }
    }
  }
}

TEST(TourTypeset, folds_code_and_loses_nothing) {
  const std::string line = "    std::printf(\"%d\\n\", 进程);";
  for (int columns = 2; columns < 40; ++columns) {
    std::string whole;
    for (const auto& piece : fold(line, columns)) {
      EXPECT_LE(width_of(piece), columns);
      whole += piece;
    }
    EXPECT_EQ(whole, line);
  }
  EXPECT_EQ(fold("", 8), Lines{""});
}

TEST(TourExcerpt, is_what_follows_the_preamble) {
  EXPECT_EQ(tool::excerpt_of("// About.\n\n#include <x>\n\nusing y;\n\n// Its own.\nint a;\n\nint b;\n"),
            (Lines{"// Its own.", "int a;", "", "int b;"}));
}

TEST(TourExcerpt, is_what_is_marked_without_its_indentation) {
  EXPECT_EQ(tool::excerpt_of("int a;\n// [tour\nint b;\n// tour]\nint c;\n// [tour\nint d;\n// tour]\n"),
            (Lines{"int b;", "", "...", "", "int d;"}));
  EXPECT_EQ(tool::excerpt_of("int main() {\n  // [tour\n  f();\n    g();\n  // tour]\n}\n"),
            (Lines{"f();", "  g();"}));
}

TEST(TourExcerpt, fits_into_a_page) {
  for (const auto& stop : tool::lesson_in("en").stops) {
    const auto lines = tool::excerpt_of(tool::embedded(stop.name));
    EXPECT_GT(lines.size(), 5U) << stop.name;
    EXPECT_LE(lines.size(), 34U) << stop.name;
  }
}

}  // namespace
