// Whether two copies of a library in one process interfere: the dynamic linker looks for a function by name
// in the program first, and then in the modules that were loaded with it.

#include "platform/copies.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstddef>

namespace brood::platform {

namespace {

struct Symbols {
  const ElfW(Sym) * all = nullptr;
  const char* names = nullptr;
  std::size_t count = 0;
};

// In a GNU hash table, symbols that can be looked up follow all others, in the order of their buckets.
std::size_t count_of(const std::uint32_t* hash) {
  const std::uint32_t buckets = hash[0], first = hash[1], filter_words = hash[2];
  const auto* bucket = hash + 4 + std::size_t{filter_words} * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
  const auto* chain = bucket + buckets;
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < buckets; ++i) last = last < bucket[i] ? bucket[i] : last;
  if (last < first) return first;
  while ((chain[last - first] & 1) == 0) ++last;
  return std::size_t{last} + 1;
}

Symbols symbols_of(const link_map& module) {
  Symbols symbols;
  for (const auto* entry = module.l_ld; entry->d_tag != DT_NULL; ++entry) {
    const auto at = entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) symbols.all = reinterpret_cast<const ElfW(Sym)*>(at);
    if (entry->d_tag == DT_STRTAB) symbols.names = reinterpret_cast<const char*>(at);
    if (entry->d_tag == DT_GNU_HASH) symbols.count = count_of(reinterpret_cast<const std::uint32_t*>(at));
  }
  return symbols.all != nullptr && symbols.names != nullptr ? symbols : Symbols();
}

}  // namespace

std::optional<std::pair<std::string, std::string>> find_foreign_calls(const void* code,
                                                                      std::string_view prefix) {
  Dl_info here{};
  link_map* module = nullptr;
  if (dladdr1(code, &here, reinterpret_cast<void**>(&module), RTLD_DL_LINKMAP) == 0 || module == nullptr)
    return {};
  const auto symbols = symbols_of(*module);
  for (std::size_t i = 0; i < symbols.count; ++i) {
    const auto& symbol = symbols.all[i];
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF ||
        ELF64_ST_VISIBILITY(symbol.st_other) != STV_DEFAULT)
      continue;
    const char* const name = symbols.names + symbol.st_name;
    if (!std::string_view(name).starts_with(prefix)) continue;
    const void* const found = dlsym(RTLD_DEFAULT, name);
    Dl_info there{};
    if (found != nullptr && dladdr(found, &there) != 0 && there.dli_fbase != here.dli_fbase)
      return std::pair(std::string(here.dli_fname), std::string(there.dli_fname));
  }
  return {};
}

}  // namespace brood::platform
