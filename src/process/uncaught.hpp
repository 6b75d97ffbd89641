#pragma once
// What is reported about an exception that nobody caught.

#include <string>

namespace brood::process {

/// Describes the exception being handled, in lines: type and text, where it was thrown as far as brood knows,
/// and its causes. `stack`: of its throw in this process, or empty.
std::string uncaught_text(const std::string& stack);

/// From here on, if an exception out of a task ends the program because nobody catches it, the report names
/// the task and the stack in the worker. Every other exception is left to the handler that was set before. If
/// that handler is the program's own, it runs afterwards in any case.
void tell_uncaught_exceptions();

}  // namespace brood::process
