#include "platform/linux/module_key.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace brood::platform {
namespace {

std::string hex(std::span<const char> bytes) {
  std::string text;
  for (const char byte : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    text += two;
  }
  return text;
}

// The notes may come from a file, which may contain anything.
std::string build_id_in(std::span<const char> notes) {
  ElfW(Nhdr) note;
  while (notes.size() >= sizeof note) {
    std::memcpy(&note, notes.data(), sizeof note);
    const std::size_t name_size = (std::size_t{note.n_namesz} + 3U) & ~std::size_t{3};
    const std::size_t size = (std::size_t{note.n_descsz} + 3U) & ~std::size_t{3};
    notes = notes.subspan(sizeof note);
    if (name_size > notes.size() || size > notes.size() - name_size) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(notes.data(), "GNU", 4) == 0)
      return hex(notes.subspan(name_size, note.n_descsz));
    notes = notes.subspan(name_size + size);
  }
  return {};
}

}  // namespace

std::string key_of(std::string_view path, std::span<const ElfW(Phdr)> segments,
                   FunctionRef<std::span<const char>(const ElfW(Phdr) &)> bytes_of) {
  std::uint64_t size = 0;
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD) size += segment.p_memsz;
    if (segment.p_type != PT_NOTE) continue;
    if (auto id = build_id_in(bytes_of(segment)); !id.empty()) return id;
  }
  const auto name = path.substr(path.rfind('/') + 1);
  return std::string(name.substr(0, name.find(" (deleted)"))) + ":" + std::to_string(size);
}

}  // namespace brood::platform
