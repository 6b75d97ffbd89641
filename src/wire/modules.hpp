#pragma once
// The table behind CodeRef: the program's executable and shared libraries. Pure bookkeeping; who fills it in
// knows how to ask the system (platform/modules.hpp).

#include <cstdint>
#include <string>
#include <vector>

namespace brood::wire {

/// An executable or shared library as it is loaded here.
struct Module {
  std::string key;   // build-id, else name and size: equal for the same file only
  std::string path;  // for messages
  std::uintptr_t base = 0;
  std::uintptr_t text_begin = 0, text_end = 0;  // hull of its executable segments
};

/// Sets the table. Later calls may only add modules behind the known ones. Not to be called while other
/// threads use code_ref for the first time; readers never wait.
void set_modules(std::vector<Module> modules);
const std::vector<Module>& modules();

/// Brings `mine` into the order of `theirs`, so that indices mean the same; throws StartFailed listing the
/// modules that this process lacks. Modules only this process has come last.
std::vector<Module> in_order_of(const std::vector<std::string>& theirs, std::vector<Module> mine);

}  // namespace brood::wire
