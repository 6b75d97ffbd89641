// brood tour: the founding lesson as a walk in the terminal. Each stop says a few sentences, shows the lines
// of an example, runs it, and waits.

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "../commands.hpp"
#include "../terminal.hpp"
#include "embedded.hpp"
#include "lesson.hpp"
#include "live.hpp"
#include "page.hpp"

namespace tool {
namespace {

constexpr int wanted_columns = 80;  // what code and pictures take

// The stop that `text` names by its number, from 1; nothing when there is none.
std::optional<std::size_t> stop_number(const Lesson& lesson, const std::string& text) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  const bool good = parsed.ec == std::errc() && parsed.ptr == end;
  return good && number >= 1 && number <= lesson.stops.size() ? std::optional(number) : std::nullopt;
}

std::string no_such_stop(const Lesson& lesson, const std::string& text) {
  return fmt::format(fmt::runtime(lesson.word("no_stop")), printable(text), lesson.stops.size());
}

class Tour {
 public:
  Tour(const Lesson& lesson, bool waits) : lesson_(lesson), waits_(waits) {}

  /// From the first stop to the last, or as the reader wants.
  void walk() {
    page_.title("", lesson_.begin.title);
    page_.prose(lesson_.begin.before);
    warn_when_narrow();
    for (std::size_t at = 1; at <= lesson_.stops.size();) {
      explain(at);
      auto next = ask("ask_run", at);
      if (next == at) {
        run(at);
        next = ask("ask_next", at + 1);
      }
      if (!next) return;
      at = *next;
    }
    page_.title("", lesson_.end.title);
    page_.prose(lesson_.end.before);
  }

  /// One stop, without a pause.
  void show(std::size_t number) {
    warn_when_narrow();
    explain(number);
    run(number);
  }

  bool all_ended_well() const { return all_ended_well_; }

 private:
  const Stop& stop(std::size_t number) const { return lesson_.stops.at(number - 1); }

  void warn_when_narrow() const {
    if (page_.columns() < wanted_columns)
      page_.caption(fmt::format(fmt::runtime(lesson_.word("narrow")), page_.columns(), wanted_columns));
  }

  void explain(std::size_t number) {
    page_ = Page();  // the window may have another size by now
    const Stop& here = stop(number);
    page_.title(fmt::format("{}/{}", number, lesson_.stops.size()), here.title);
    page_.prose(here.before);
    page_.caption(fmt::format(fmt::runtime(lesson_.word("code")), here.name));
    page_.code(excerpt_of(embedded(here.name)));
  }

  void run(std::size_t number) {
    const Stop& here = stop(number);
    const auto program = program_of_example(here.name);
    page_.caption(lesson_.word("run"));
    std::fflush(stdout);
    const auto end = run_live(program, [this](double at, const std::string& text) { page_.live(at, text); });
    if (end.exit_code != 0) {
      all_ended_well_ = false;
      page_.caption(fmt::format(fmt::runtime(lesson_.word("failed")), here.name, end.exit_code));
    }
    page_.prose(here.after);
    std::fflush(stdout);
  }

  // The stop to be at next: `on` after Enter, and always where nobody can answer. Nothing: the reader leaves.
  std::optional<std::size_t> ask(const char* question, std::size_t on) const {
    if (!waits_) return on;
    for (std::string answer;;) {
      page_.caption(lesson_.word(question));
      fmt::print("> ");
      std::fflush(stdout);
      if (!std::getline(std::cin, answer)) {
        fmt::print("\n");
        return std::nullopt;
      }
      if (answer.empty()) return on;
      if (answer == "q") return std::nullopt;
      if (const auto number = stop_number(lesson_, answer)) return number;
      page_.caption(no_such_stop(lesson_, answer));
    }
  }

  const Lesson& lesson_;
  bool waits_;
  bool all_ended_well_ = true;
  Page page_;
};

void list(const Lesson& lesson) {
  const Page page;
  for (std::size_t i = 0; i < lesson.stops.size(); ++i)
    page.item(fmt::format("{:>2}  ", i + 1), lesson.stops[i].title);
}

int walk_or_show(const TourArguments& arguments, const Lesson& lesson) {
  const bool terminal = isatty(0) != 0 && isatty(1) != 0;
  Tour tour(lesson, terminal && !arguments.all);
  if (!arguments.stop)
    tour.walk();
  else if (const auto number = stop_number(lesson, *arguments.stop))
    tour.show(*number);
  else
    throw std::runtime_error(no_such_stop(lesson, *arguments.stop));
  return tour.all_ended_well() ? 0 : 1;
}

}  // namespace

int tour(const TourArguments& arguments) {
  // Whoever closes the other end of a pipe has seen enough: the tour ends without a word, as other tools do.
  std::signal(SIGPIPE, SIG_DFL);
  const Lesson lesson = lesson_in(arguments.language.value_or(language_of_environment()));
  int code = 0;
  if (arguments.list)
    list(lesson);
  else
    code = walk_or_show(arguments, lesson);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw std::runtime_error("not all could be written to the output");
  return code;
}

}  // namespace tool
