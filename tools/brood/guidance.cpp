#include "guidance.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>
#include <numeric>

#include "terminal.hpp"

namespace tool {
namespace {

constexpr int cannot_begin = 2;

// Edits between two words, a swap of neighbours being one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::exchange(last, row);
  }
  return last.back();
}

int width_of_help() {
  constexpr int least = 60, most = 100;
  return std::clamp(terminal_width(1), least, most);
}

class WrappingHelp : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    return beside_names(CLI::Formatter::make_option_desc(option));
  }
  std::string make_subcommand(const CLI::App* command) const override {
    std::ostringstream out;
    CLI::detail::format_help(out, command->get_name(), beside_names(command->get_description()),
                             get_column_width());
    return out.str();
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(CLI::Formatter::make_description(app), width_of_help());
  }
  std::string make_footer(const CLI::App* app) const override {
    return wrapped(CLI::Formatter::make_footer(app), width_of_help());
  }

 private:
  std::string beside_names(const std::string& text) const {
    return wrapped(text, width_of_help() - static_cast<int>(get_column_width()));
  }
};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

void list_commands(const CLI::App& app) {
  std::fputs("There are:\n", stderr);
  constexpr int column = 8;
  for (const auto* command : commands_of(app)) {
    std::string name = "  " + command->get_name();
    name.resize(column, ' ');
    print_wrapped(stderr, name + command->get_description(), column);
  }
  std::fputs("brood COMMAND --help tells more.\n", stderr);
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const auto& candidate : candidates) {
    const auto edits = distance(word, candidate);
    // Also the beginning of a long word is like it.
    const bool begins = word.size() >= 2 && candidate.starts_with(word);
    if ((edits <= std::max<std::size_t>(1, candidate.size() / 3) || begins) && edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

void use_wrapping_help(CLI::App& app) { app.formatter(std::make_shared<WrappingHelp>()); }

bool has_command(const CLI::App& app, const std::string& name) {
  const auto all = commands_of(app);
  return std::any_of(all.begin(), all.end(), [&](const auto* one) { return one->get_name() == name; });
}

int explain_no_command(const CLI::App& app, const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    print_wrapped(stderr, app.get_description());
  } else {
    std::vector<std::string> names;
    for (const auto* command : commands_of(app)) names.push_back(command->get_name());
    const auto meant = nearest(arguments.front(), names);
    print_wrapped(stderr, "brood: there is no command '" + printable(arguments.front()) + "'" +
                              (meant ? "; did you mean '" + *meant + "'?" : "."));
  }
  list_commands(app);
  return cannot_begin;
}

int explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& at = chosen.empty() ? app : *chosen.front();
  const std::string command = chosen.empty() ? "brood" : "brood " + at.get_name();
  std::string text = error.what();
  const auto rest = at.remaining();
  const auto option = std::find_if(
      rest.begin(), rest.end(), [](const std::string& one) { return one.size() > 1 && one.front() == '-'; });
  if (option != rest.end()) {
    std::vector<std::string> names;
    for (const auto* one : at.get_options()) {
      for (const auto& name : one->get_lnames()) names.push_back("--" + name);
      for (const auto& name : one->get_snames()) names.push_back("-" + name);
    }
    const auto word = option->substr(0, option->find('='));
    const auto meant = nearest(word, names);
    text = "there is no option '" + word + "'" + (meant ? "; did you mean '" + *meant + "'?" : "");
  } else if (!rest.empty()) {
    text = "'" + rest.front() + "' is one argument too many";
  }
  print_wrapped(stderr, command + ": " + printable(text));
  print_wrapped(stderr, command + " --help tells what there is.");
  return cannot_begin;
}

}  // namespace tool
