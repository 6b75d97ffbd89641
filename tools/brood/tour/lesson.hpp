#pragma once
// The lesson of the tour: its texts in one language, and the lines of code that they speak of. Both are put
// into the program when it is built: the texts from text/LANGUAGE.txt, the code from the examples.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tool {

struct Stop {
  std::string name;  // of its example: 10_two_loops
  std::string title;
  std::string before, after;  // paragraphs: what is said before the example runs, and afterwards
};

struct Lesson {
  Stop begin, end;  // not stops: what is said before the first and after the last
  std::vector<Stop> stops;
  std::unordered_map<std::string, std::string> words;  // what the program itself says
  const std::string& word(const std::string& name) const { return words.at(name); }
};

/// The languages there are: "en", "zh".
const std::vector<std::string>& languages();
/// `language` is one of them.
Lesson lesson_in(std::string_view language);

/// The language of the environment, from LC_ALL, LC_MESSAGES or LANG, the first that is set; "en" when it is
/// none that we have.
std::string language_of_environment();

/// The lines of an example that the tour shows: those between "// [tour" and "// tour]", or all that follows
/// the includes and using declarations.
std::vector<std::string> excerpt_of(std::string_view example);

}  // namespace tool
