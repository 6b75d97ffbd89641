#pragma once
// One round, from its pools to the look for what is left over.

#include <string>

#include "leaks.hpp"
#include "plan.hpp"

namespace storm {

/// False when something hangs: then the program cannot go on, and `where` and the process tree are told.
bool play(const Round& round, Leaks& leaks);

/// What the round is doing, for whoever notices that it does not get on; and for how long already.
const char* phase();
double seconds_in_phase();

}  // namespace storm
