#pragma once
// What code is loaded into this process, and names for places in it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brood::platform {

struct LoadedModule {
  std::string key, path;
  std::uintptr_t base = 0, text_begin = 0, text_end = 0;
};

/// What an exec of this program runs: "/usr/bin/app", or "/lib/ld.so with /usr/bin/app" where that loads it.
std::string what_is_executed();

/// The file of the program where that is not what was executed, but the dynamic linker or the like, which
/// has loaded it; else empty.
std::string loaded_by_another();

/// In load order: the executable first.
std::vector<LoadedModule> loaded_modules();
/// The same for this thread, read anew only when one was loaded or unloaded since the last time.
const std::vector<LoadedModule>& current_modules();
const LoadedModule* module_of(std::span<const LoadedModule> modules, std::uintptr_t at);

/// Return addresses of the calling thread's stack, innermost first. Safe in a handler of an exception's
/// throw.
std::size_t capture_stack(std::span<void*> frames);

/// A place in code as any process of this machine understands it: a module, and an address as in its file.
struct CodePlace {
  std::string key, path;
  std::uint64_t address = 0;
};

/// One line a frame: "  #0 parse(char const*) at src/parse.cpp:12 (demo+0x1234)". File and line only where
/// the build found libdw. Equal frames in a row are told once, with their number. The first look at a module
/// opens its files, which takes milliseconds; they stay open, a bounded number of them. Allocates.
std::string describe_places(std::span<const CodePlace> places);
/// The first of these that is neither the system's nor brood's, in short: "parse(char const*) at
/// parse.cpp:12", or empty.
std::string first_own_place(std::span<const CodePlace> places);
/// Up to so many of these, in one line: "parse(char const*) at ..., called by main at ...". Addresses as
/// below.
std::string own_places(std::span<void* const> frames, std::size_t most);
/// As describe_places, of addresses in this process, or in one with the same modules at the same places.
std::string describe_stack(std::span<void* const> frames);

/// "parse(char const*)", or empty. Cost as above.
std::string function_name_at(const void* code);

/// How often a file was opened in this process to find names and lines.
std::uint64_t opened_for_names();
/// This process is being ended by exit(), and the calling thread is the one that does it. Slow.
bool is_inside_exit();

/// "std::runtime_error" for a mangled name.
std::string readable(const char* mangled);

/// The type of the exception being handled, which is no std::exception.
std::string current_exception_type();

/// Where the exceptions that this thread threw last were thrown, while it is being recorded: from
/// construction to destruction of a recorder in the thread. Outside of one, a throw costs nothing more than
/// usual; within, the frames up to the recorder are walked once more.
class ThrowRecorder {
 public:
  ThrowRecorder();
  ~ThrowRecorder();
  ThrowRecorder(const ThrowRecorder&) = delete;
  ThrowRecorder& operator=(const ThrowRecorder&) = delete;
  /// The stack of the throw of that exception, innermost first, no further than the recorder's function;
  /// empty when this thread has not thrown it lately.
  std::span<void* const> stack_of(const std::exception_ptr& error) const;

 private:
  const void* outer_;
};

}  // namespace brood::platform
