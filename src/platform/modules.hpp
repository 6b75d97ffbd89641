#pragma once
// The code that is loaded into this process, and names for places in it.

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

/// What an exec of this program runs: "/usr/bin/app", or "/lib/ld.so with /usr/bin/app" if a loader loads it.
std::string what_is_executed();

/// The program's file, if the executed file was not the program but a loader, such as the dynamic linker;
/// else empty.
std::string loaded_by_another();

/// The loaded modules in load order, the executable first.
std::vector<LoadedModule> loaded_modules();
/// The same for this thread; read again only if a module was loaded or unloaded since the last call.
const std::vector<LoadedModule>& current_modules();
const LoadedModule* module_of(std::span<const LoadedModule> modules, std::uintptr_t at);

/// Return addresses of the calling thread's stack, innermost first. Safe inside __cxa_throw.
std::size_t capture_stack(std::span<void*> frames);

/// A place in code that any process of this machine understands: a module, and an address as in its file.
struct CodePlace {
  std::string key, path;
  std::uint64_t address = 0;
};

/// One line per frame: "  #0 parse(char const*) at src/parse.cpp:12 (demo+0x1234)". File and line only if the
/// build found libdw. Equal frames in a row are printed once, with their count. The first look at a module
/// opens its files, which takes milliseconds; a bounded number of files stays open. Allocates.
std::string describe_places(std::span<const CodePlace> places);
/// The first place that belongs neither to the system nor to brood, in short: "parse(char const*) at
/// parse.cpp:12", or empty.
std::string first_own_place(std::span<const CodePlace> places);
/// Up to `most` of these places in one line: "parse(char const*) at ..., called by main at ...". `frames` are
/// as in describe_stack.
std::string own_places(std::span<void* const> frames, std::size_t most);
/// As describe_places, for addresses in this process, or in one with the same modules at the same addresses.
std::string describe_stack(std::span<void* const> frames);

/// "parse(char const*)", or empty. Costs as much as describe_places.
std::string function_name_at(const void* code);

/// How many times a file was opened in this process to find names and lines.
std::uint64_t opened_for_names();
/// True if exit() is ending this process in the calling thread. Slow.
bool is_inside_exit();

/// "std::runtime_error" for a mangled name.
std::string readable(const char* mangled);

/// The type of the exception being handled, which is not a std::exception.
std::string current_exception_type();

/// Records where the thread's latest exceptions were thrown, from construction to destruction of a recorder
/// in the thread. Without a recorder a throw costs nothing extra; with one, the frames up to the recorder are
/// walked once more.
class ThrowRecorder {
 public:
  ThrowRecorder();
  ~ThrowRecorder();
  ThrowRecorder(const ThrowRecorder&) = delete;
  ThrowRecorder& operator=(const ThrowRecorder&) = delete;
  /// The stack of that exception's throw, innermost first, up to the recorder's function; empty if this
  /// thread has not thrown it recently.
  std::span<void* const> stack_of(const std::exception_ptr& error) const;

 private:
  const void* outer_;
};

}  // namespace brood::platform
