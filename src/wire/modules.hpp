#pragma once
// The table behind CodeRef: the program's executable and shared libraries. Pure bookkeeping;
// platform/modules.hpp asks the system and fills it in.

#include <cstdint>
#include <string>
#include <vector>

namespace brood::wire {

/// An executable or shared library as it is loaded here.
struct Module {
  std::string key;   // build-id, or name and size: equal only for the same file
  std::string path;  // for messages
  std::uintptr_t base = 0;
  std::uintptr_t text_begin = 0, text_end = 0;  // range that covers its executable segments
};

/// Sets the table. Later calls may only append modules. Must not be called while other threads use code_ref
/// for the first time; readers never wait.
void set_modules(std::vector<Module> modules);
const std::vector<Module>& modules();

/// Sorts `mine` into the order of `theirs`, so that indices mean the same. Modules that only this process has
/// come last. Throws StartFailed, listing the modules that this process lacks.
std::vector<Module> in_order_of(const std::vector<std::string>& theirs, std::vector<Module> mine);

}  // namespace brood::wire
