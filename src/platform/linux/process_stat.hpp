#pragma once
#include <string>

#include "platform/child.hpp"

namespace brood::platform {

/// /proc/PID/stat from its third field on, each field after a space; empty if there is no such process. Field
/// 2, the name, may hold any character, so the fields are counted from its closing parenthesis.
std::string stat_after_name(Pid pid);

}  // namespace brood::platform
