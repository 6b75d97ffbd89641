#pragma once
// Steps of a child's life that the three start methods share.

#include "base/function_ref.hpp"
#include "process/certificate.hpp"

namespace brood::process {

/// Runs f; an exception that leaves it is written to stderr with its type, text and the stack of the throw.
/// Returns the exit code: what f returned, or 1.
int report_exceptions(FunctionRef<int()> f);

/// Turns this process into the child that `told` describes.
void enter_life(const Certificate& told);
/// Calls enter_life, then the child's function, then exit.
[[noreturn]] void live(const Certificate& told);

}  // namespace brood::process
