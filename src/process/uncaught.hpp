#pragma once
// What is said of an exception that nobody caught.

#include <string>

namespace brood::process {

/// Of the exception being handled, in lines: type and text, where it was thrown as far as brood knows, its
/// causes. `stack`: that of its throw in this process, or empty.
std::string uncaught_text(const std::string& stack);

/// From here on an exception that came out of a task, and that ends the program because nobody catches it, is
/// told with the task and the stack over there. Every other one is left to the handler that was set before,
/// and that one runs afterwards in any case if it is the program's own.
void tell_uncaught_exceptions();

}  // namespace brood::process
