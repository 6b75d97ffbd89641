#pragma once
// A thread that notices the death of children that may hold shared objects, so that these objects are
// repaired soon, whether or not anybody joins the child. Made when the first such child is started.

#include <memory>

namespace brood::process {

class Child;

void watch(const std::shared_ptr<Child>& child) noexcept;
void forget_warden();  // in a new process, which does not have its parent's thread

}  // namespace brood::process
