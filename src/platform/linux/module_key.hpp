#pragma once
// What identifies a module in another process or on disk: its build ID, or else its name and size.

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/function_ref.hpp"

namespace brood::platform {

/// `bytes_of`: returns the contents of a segment of notes.
std::string key_of(std::string_view path, std::span<const ElfW(Phdr)> segments,
                   FunctionRef<std::span<const char>(const ElfW(Phdr) &)> bytes_of);

}  // namespace brood::platform
