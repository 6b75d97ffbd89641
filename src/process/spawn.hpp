#pragma once
// Children that execute the program's own file.

#include <string>

#include <brood/start_method.hpp>

#include "process/control.hpp"

namespace brood::process {

/// In a child of the server: executes the program again, with the request's certificate. Returns only on
/// failure, with the reason.
std::string re_execute(Request& request);

/// True if this process was made by spawn and has not yet reached init.
bool is_unborn_copy();
/// Called in main: if this process is such a copy, it becomes the child and never returns.
void become_spawned_child();

}  // namespace brood::process
