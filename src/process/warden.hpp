#pragma once
// A thread that notices the death of children which may hold shared objects, so that what they held is
// repaired soon, whether or not anybody joins them. Made when the first such child is started.

#include <memory>

namespace brood::process {

class Child;

void watch(const std::shared_ptr<Child>& child) noexcept;
void forget_warden();  // in a new process: its parent's thread is not here

}  // namespace brood::process
