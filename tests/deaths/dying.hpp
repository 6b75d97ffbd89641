#pragma once
// The program that dies.

#include <string>
#include <vector>

namespace deaths {

struct State {
  const char* name;
  int descendants;  // that are there when it says that it is ready, beside server and standby; at least
};
/// What it may be doing.
const std::vector<State>& states();
/// Signals that others send it, and "abort", "exec", "_exit", which it does when a byte comes on its stdin.
const std::vector<std::string>& ways();

/// Gets into the state, says "ready" on stdout, and waits for its death.
int die(int argc, char** argv, const std::string& state, const std::string& way);

}  // namespace deaths
