#include "base/plain_names.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace brood {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string trimmed(std::string text) {
  const auto from = text.find_first_not_of(' ');
  if (from == std::string::npos) return {};
  return text.substr(from, text.find_last_not_of(' ') + 1 - from);
}

// The short names of std::NAME<char> and the like.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> of_characters{
    {{"char", ""}, {"wchar_t", "w"}, {"char8_t", "u8"}, {"char16_t", "u16"}, {"char32_t", "u32"}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> of_ticks{
    {{"1000000000", "nanoseconds"}, {"1000000", "microseconds"}, {"1000", "milliseconds"}, {"1", "seconds"}}};

// A template's name and its arguments, which are plain already.
class Template {
 public:
  Template(std::string name, std::vector<std::string> arguments)
      : name_(std::move(name)), arguments_(std::move(arguments)) {}

  std::string text() {
    // The wrapper of an exception from another process is left out.
    if ((name_ == "brood::detail::Carried" || name_ == "brood::detail::Caused" ||
         name_ == "brood::detail::Rebuilt" || name_ == "std::_Nested_exception") &&
        arguments_.size() == 1) {
      return arguments_[0];
    }
    if (name_.starts_with("std::")) {
      while (arguments_.size() > 1 && is_default(arguments_.back())) arguments_.pop_back();
      if (auto alias = alias_of_characters()) return *alias;
      if (auto alias = alias_of_durations()) return *alias;
    }
    std::string all;
    for (const auto& each : arguments_) all += (all.empty() ? "" : ", ") + each;
    return name_ + "<" + all + ">";
  }

 private:
  bool is_default(const std::string& argument) const {
    const auto& first = arguments_[0];
    if (argument.starts_with("std::allocator<") || argument.starts_with("std::char_traits<")) return true;
    for (const char* of_first : {"std::less<", "std::hash<", "std::equal_to<", "std::default_delete<"}) {
      if (argument == of_first + first + ">") return true;
    }
    return (name_ == "std::queue" || name_ == "std::stack") && argument == "std::deque<" + first + ">";
  }

  std::optional<std::string> alias_of_characters() const {
    constexpr std::string_view basic = "std::basic_";
    if (!name_.starts_with(basic) || arguments_.size() != 1) return std::nullopt;
    for (const auto& [type, prefix] : of_characters) {
      if (arguments_[0] == type) return "std::" + std::string(prefix) + name_.substr(basic.size());
    }
    return std::nullopt;
  }

  std::optional<std::string> alias_of_durations() const {
    if (name_ != "std::chrono::duration" || arguments_.size() != 2 || !arguments_[0].starts_with("long"))
      return std::nullopt;
    auto ratio = arguments_[1];
    std::erase(ratio, 'l');
    for (const auto& [ticks, name] : of_ticks) {
      if (ratio == "std::ratio<1, " + std::string(ticks) + ">") return "std::chrono::" + std::string(name);
    }
    return std::nullopt;
  }

  std::string name_;
  std::vector<std::string> arguments_;
};

class Plain {
 public:
  explicit Plain(std::string_view text) : text_(text) {}

  std::optional<std::string> whole() {
    auto all = part(false);
    if (failed_ || at_ != text_.size()) return std::nullopt;
    return all;
  }

 private:
  // Reads up to the end or, for a template argument, up to its end.
  std::string part(bool is_argument) {
    // Garbage may nest arbitrarily deep.
    if (++depth_ > 64) failed_ = true;
    std::string to;
    int brackets = 0;
    while (at_ < text_.size() && !failed_) {
      const char c = text_[at_];
      if (is_argument && brackets == 0 && (c == ',' || c == '>')) break;
      if (take_operator(to)) continue;
      if (c == '(' || c == '[' || c == '{') ++brackets;
      if (c == ')' || c == ']' || c == '}') --brackets;
      if (c == '<') {
        take_template(to);
        continue;
      }
      to += c;
      ++at_;
      if (c == '-' && at_ < text_.size() && text_[at_] == '>') to += text_[at_++];
    }
    --depth_;
    return is_argument ? trimmed(std::move(to)) : to;
  }

  // operator<, operator() and the like: no brackets.
  bool take_operator(std::string& to) {
    constexpr std::string_view word = "operator";
    if (!text_.substr(at_).starts_with(word) || (!to.empty() && is_word(to.back()))) return false;
    const auto rest = text_.substr(at_ + word.size());
    for (const std::string_view symbol :
         {"()", "[]", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"}) {
      if (!rest.starts_with(symbol)) continue;
      to += word;
      to += symbol;
      at_ += word.size() + symbol.size();
      return true;
    }
    return false;
  }

  void take_template(std::string& to) {
    auto begin = to.size();
    while (begin > 0 && (is_word(to[begin - 1]) || to[begin - 1] == ':')) --begin;
    std::vector<std::string> arguments;
    do {
      ++at_;
      arguments.push_back(part(true));
    } while (at_ < text_.size() && text_[at_] == ',');
    if (at_ == text_.size()) failed_ = true;
    if (failed_) return;
    ++at_;
    const auto made = Template(to.substr(begin), std::move(arguments)).text();
    to.resize(begin);
    to += made;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
};

}  // namespace

std::string plain_name(std::string_view name) {
  std::string text(name);
  for (const auto& [from, to] : {std::pair{"std::__cxx11::", "std::"}, std::pair{"::__cxx11::", "::"},
                                 std::pair{"::_V2::", "::"}, std::pair{"[abi:cxx11]", ""}}) {
    replace_all(text, from, to);
  }
  if (auto plain = Plain(text).whole()) return *plain;
  return text;
}

}  // namespace brood
