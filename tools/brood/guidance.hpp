#pragma once
// What is said about a command line that cannot be understood: what there is, and what was probably meant.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace tool {

/// The candidate that is most like the word, if one is: letters that are swapped, wrong, missing or too many.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);
/// --help is as wide as the terminal, and broken between words.
void use_wrapping_help(CLI::App& app);
bool has_command(const CLI::App& app, const std::string& name);
/// Says it on stderr; the exit code. `arguments` without the program's name.
int explain_no_command(const CLI::App& app, const std::vector<std::string>& arguments);
int explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace tool
