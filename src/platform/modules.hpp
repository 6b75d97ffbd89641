#pragma once
// What code is loaded into this process, and names for places in it.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace brood::platform {

struct LoadedModule {
  std::string key, path;
  std::uintptr_t base = 0, text_begin = 0, text_end = 0;
};

/// In load order: the executable first.
std::vector<LoadedModule> loaded_modules();

/// Return addresses of the calling thread's stack, innermost first. Safe in a handler of an exception's
/// throw.
std::size_t capture_stack(std::span<void*> frames);

/// One line a frame: "  #0 parse(char const*) at src/parse.cpp:12 (build/demo+0x1234)". File and line only
/// where the build found libdw. Slow; allocates.
std::string describe_stack(std::span<void* const> frames);

/// "parse(char const*)", or empty.
std::string function_name_at(const void* code);

/// "std::runtime_error" for a mangled name.
std::string readable(const char* mangled);

/// The type of the exception being handled, which is no std::exception.
std::string current_exception_type();

/// Where the exception that this thread threw last was thrown, while it is being recorded: from construction
/// to destruction of a recorder in the thread. Outside of one, a throw costs nothing more than usual.
class ThrowRecorder {
 public:
  ThrowRecorder();
  ~ThrowRecorder();
  ThrowRecorder(const ThrowRecorder&) = delete;
  ThrowRecorder& operator=(const ThrowRecorder&) = delete;
  /// The stack of the last throw in this thread; empty when nothing was thrown or it cannot be told.
  std::span<void* const> last() const;
};

}  // namespace brood::platform
