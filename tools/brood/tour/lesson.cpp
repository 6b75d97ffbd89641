#include "lesson.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "embedded.hpp"

namespace tool {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// "key = value"
void add_word(Lesson& lesson, const std::string& line) {
  const auto equals = line.find(" = ");
  if (equals != std::string::npos) lesson.words[line.substr(0, equals)] = line.substr(equals + 3);
}

// "# title", then paragraphs, then "--", then paragraphs.
void add_line(Stop& stop, const std::string& line, bool& after) {
  if (line.starts_with("# "))
    stop.title = line.substr(2);
  else if (line == "--")
    after = true;
  else
    (after ? stop.after : stop.before) += line + '\n';
}

}  // namespace

const std::vector<std::string>& languages() {
  static const std::vector<std::string> all = {"en", "zh"};
  return all;
}

Lesson lesson_in(std::string_view language) {
  Lesson lesson;
  Stop* stop = nullptr;  // nothing: we are among the words
  bool after = false;
  for (const auto& line : lines_of(embedded(language))) {
    if (line.starts_with("== ")) {
      const std::string name = line.substr(3);
      after = false;
      stop = name == "words"   ? nullptr
             : name == "begin" ? &lesson.begin
             : name == "end"   ? &lesson.end
                               : &lesson.stops.emplace_back(Stop{name, {}, {}, {}});
    } else if (stop == nullptr) {
      add_word(lesson, line);
    } else {
      add_line(*stop, line, after);
    }
  }
  return lesson;
}

std::string language_of_environment() {
  for (const char* variable : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    for (const auto& language : languages())
      if (std::string_view(value).starts_with(language)) return language;
    break;
  }
  return "en";
}

namespace {

bool is_preamble(const std::string& line) {
  return line.empty() || line.starts_with("//") || line.starts_with("#include") ||
         line.starts_with("using ") || line.starts_with("namespace ");
}

std::string trimmed(const std::string& line) {
  const auto at = line.find_first_not_of(' ');
  return at == std::string::npos ? "" : line.substr(at);
}

std::vector<std::string> marked_lines(const std::vector<std::string>& lines) {
  std::vector<std::string> marked;
  bool inside = false;
  for (const auto& line : lines) {
    const std::string text = trimmed(line);
    if (text == "// [tour" && !marked.empty()) marked.insert(marked.end(), {"", "...", ""});
    if (inside && text != "// tour]") marked.push_back(line);
    if (text == "// [tour" || text == "// tour]") inside = text == "// [tour";
  }
  return marked;
}

void remove_common_indentation(std::vector<std::string>& lines) {
  std::size_t common = std::string::npos;
  for (const auto& line : lines)
    if (!line.empty() && line != "...") common = std::min(common, line.find_first_not_of(' '));
  for (auto& line : lines)
    if (!line.empty() && line != "...") line.erase(0, common);
}

}  // namespace

std::vector<std::string> excerpt_of(std::string_view example) {
  const auto lines = lines_of(example);
  auto excerpt = marked_lines(lines);
  if (excerpt.empty()) {
    auto begin = std::find_if_not(lines.begin(), lines.end(), is_preamble);
    while (begin != lines.begin() && std::prev(begin)->starts_with("//")) --begin;  // its own comment
    excerpt.assign(begin, lines.end());
  }
  remove_common_indentation(excerpt);
  return excerpt;
}

}  // namespace tool
