#pragma once
// Children by exec of the program's own file.

#include <string>

#include <brood/start_method.hpp>

#include "process/control.hpp"

namespace brood::process {

/// In a child of the server: executes the program anew with the request's certificate. Returns only with the
/// reason why it could not.
std::string re_execute(Request& request);

/// This process was made by spawn and has not yet come to init.
bool is_unborn_copy();
/// In main: whether this process is such a copy; if so, it becomes the child and never returns.
void become_spawned_child();

}  // namespace brood::process
