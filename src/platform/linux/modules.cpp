#include "platform/modules.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <typeinfo>

#ifdef BROOD_HAVE_LIBDW
#include <elfutils/libdwfl.h>
#endif

namespace brood::platform {
namespace {

std::string own_path() {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : "/proc/self/exe";
}

std::string hex(const unsigned char* bytes, std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", bytes[i]);
    text += two;
  }
  return text;
}

std::string build_id_in(const char* at, std::size_t size) {
  for (const char* end = at + size; at + sizeof(ElfW(Nhdr)) <= end;) {
    const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
    const char* name = at + sizeof *note;
    const char* data = name + ((note->n_namesz + 3U) & ~3U);
    if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
      return hex(reinterpret_cast<const unsigned char*>(data), note->n_descsz);
    }
    at = data + ((note->n_descsz + 3U) & ~3U);
  }
  return {};
}

int add_module(dl_phdr_info* info, std::size_t, void* to) {
  LoadedModule module;
  module.base = info->dlpi_addr;
  module.path = info->dlpi_name;
  auto& all = *static_cast<std::vector<LoadedModule>*>(to);
  if (module.path.empty()) module.path = all.empty() ? own_path() : "[vdso]";
  std::uint64_t size = 0;
  module.text_begin = ~std::uintptr_t{0};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_NOTE && module.key.empty()) {
      module.key = build_id_in(reinterpret_cast<const char*>(module.base + segment.p_vaddr), segment.p_memsz);
    }
    if (segment.p_type != PT_LOAD) continue;
    size += segment.p_memsz;
    if ((segment.p_flags & PF_X) == 0) continue;
    module.text_begin = std::min(module.text_begin, module.base + segment.p_vaddr);
    module.text_end = std::max(module.text_end, module.base + segment.p_vaddr + segment.p_memsz);
  }
  if (module.text_end == 0) return 0;
  const auto slash = module.path.rfind('/');
  const auto name = slash == std::string::npos ? module.path : module.path.substr(slash + 1);
  if (module.key.empty()) module.key = name.substr(0, name.find(" (deleted)")) + ":" + std::to_string(size);
  all.push_back(std::move(module));
  return 0;
}

// A file mapped for reading.
class Mapped {
 public:
  explicit Mapped(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat st {};
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
      size_ = static_cast<std::size_t>(st.st_size);
      void* at = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
      data_ = at == MAP_FAILED ? nullptr : static_cast<const char*>(at);
    }
    close(fd);
  }
  ~Mapped() {
    if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  template <class T>
  const T* at(std::uint64_t offset, std::uint64_t count = 1) const {
    if (data_ == nullptr || offset > size_ || count > (size_ - offset) / sizeof(T)) return nullptr;
    return reinterpret_cast<const T*>(data_ + offset);
  }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

// The function in a file's symbol table that holds `address` (as in the file). dladdr sees exported functions
// only.
std::string symbol_in_file(const std::string& path, std::uint64_t address) {
  const Mapped file(path);
  const auto* head = file.at<ElfW(Ehdr)>(0);
  if (head == nullptr || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return {};
  const auto* sections = file.at<ElfW(Shdr)>(head->e_shoff, head->e_shnum);
  if (sections == nullptr) return {};
  for (int i = 0; i < head->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= head->e_shnum) continue;
    const auto count = sections[i].sh_size / sizeof(ElfW(Sym));
    const auto* symbols = file.at<ElfW(Sym)>(sections[i].sh_offset, count);
    const auto& text = sections[sections[i].sh_link];
    const auto* names = file.at<char>(text.sh_offset, text.sh_size);
    if (symbols == nullptr || names == nullptr) return {};
    for (std::size_t s = 0; s < count; ++s) {
      const auto& symbol = symbols[s];
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && address >= symbol.st_value &&
          address < symbol.st_value + symbol.st_size && symbol.st_name < text.sh_size) {
        return names + symbol.st_name;
      }
    }
  }
  return {};
}

const LoadedModule* module_of(const std::vector<LoadedModule>& all, std::uintptr_t at) {
  for (const auto& module : all) {
    if (at >= module.text_begin && at < module.text_end) return &module;
  }
  return nullptr;
}

std::string symbol_in(const LoadedModule& module, std::uintptr_t at) {
  // The program's own file may have been deleted or replaced since.
  auto name = symbol_in_file(module.path == own_path() ? "/proc/self/exe" : module.path, at - module.base);
  if (name.empty()) {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(at), &info) != 0 && info.dli_sname != nullptr) name = info.dli_sname;
  }
  return name;
}

bool begins_with_one_of(std::string_view symbol, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](auto b) { return symbol.starts_with(b); });
}

// What stands between the caller's functions and says nothing about them.
bool is_plumbing(std::string_view symbol) {
  return begins_with_one_of(
      symbol, {"__cxa_throw", "_ZSt13__invoke_impl", "_ZSt8__invoke", "_ZSt6invoke", "_ZSt12__apply_impl",
               "_ZSt5apply", "_ZN5brood6detail4CallI", "_ZZN5brood6detail4CallI"});
}

// From here on down it is brood that called.
bool is_ground(std::string_view symbol) {
  return begins_with_one_of(
      symbol, {"_ZN5brood4pool12_GLOBAL__N_18run_task", "_ZN5brood4pool4work", "_ZN5brood4pool11worker_main",
               "_ZN5brood7process12_GLOBAL__N_18run_call", "_ZN5brood7process4live"});
}

#ifdef BROOD_HAVE_LIBDW
// File and line of each address, as far as the debug information tells.
class Lines {
 public:
  Lines() {
    callbacks_.find_elf = dwfl_linux_proc_find_elf;
    // By its build id on this machine alone. The standard way also asks servers (debuginfod), and for that
    // loads libraries into the program, which then crash where it is about to end.
    callbacks_.find_debuginfo = dwfl_build_id_find_debuginfo;
    dwfl_ = dwfl_begin(&callbacks_);
    if (dwfl_ != nullptr &&
        (dwfl_linux_proc_report(dwfl_, getpid()) != 0 || dwfl_report_end(dwfl_, nullptr, nullptr) != 0)) {
      dwfl_end(dwfl_);
      dwfl_ = nullptr;
    }
  }
  ~Lines() {
    if (dwfl_ != nullptr) dwfl_end(dwfl_);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  std::string operator()(std::uintptr_t at) const {
    if (dwfl_ == nullptr) return {};
    Dwfl_Line* line = dwfl_getsrc(dwfl_, at);
    if (line == nullptr) return {};
    int number = 0;
    const char* file = dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    return file == nullptr ? std::string() : std::string(file) + ":" + std::to_string(number);
  }

 private:
  Dwfl_Callbacks callbacks_{};
  Dwfl* dwfl_ = nullptr;
};
#else
struct Lines {
  std::string operator()(std::uintptr_t) const { return {}; }
};
#endif

}  // namespace

std::vector<LoadedModule> loaded_modules() {
  std::vector<LoadedModule> all;
  dl_iterate_phdr(add_module, &all);
  return all;
}

std::string readable(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  return name ? name.get() : mangled;
}

std::string current_exception_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type != nullptr ? readable(type->name()) : "an exception of unknown type";
}

std::string function_name_at(const void* code) {
  const auto all = loaded_modules();
  const auto at = reinterpret_cast<std::uintptr_t>(code);
  const auto* module = module_of(all, at);
  if (module == nullptr) return {};
  const auto symbol = symbol_in(*module, at);
  return symbol.empty() ? symbol : readable(symbol.c_str());
}

namespace {

std::string describe(std::span<void* const> frames, bool all_of_them) {
  const auto modules = loaded_modules();
  const Lines lines;
  std::string text;
  int number = 0;
  for (void* frame : frames) {
    // A return address; the call is just before it.
    const auto at = reinterpret_cast<std::uintptr_t>(frame) - 1;
    const auto* module = module_of(modules, at);
    if (module == nullptr) continue;
    const auto symbol = symbol_in(*module, at);
    if (!all_of_them && is_ground(symbol)) break;
    if (!all_of_them && is_plumbing(symbol)) continue;
    const auto line = lines(at);
    char place[32];
    std::snprintf(place, sizeof place, "+0x%zx", static_cast<std::size_t>(at - module->base));
    text += "  #" + std::to_string(number++) + " " + (symbol.empty() ? "?" : readable(symbol.c_str())) +
            (line.empty() ? "" : " at " + line) + " (" + module->path.substr(module->path.rfind('/') + 1) +
            place + ")\n";
    if (symbol == "main") break;
  }
  return text;
}

}  // namespace

std::string describe_stack(std::span<void* const> frames) {
  if (frames.empty()) return {};  // as of most deaths: nothing to look up
  auto text = describe(frames, false);
  // A function that the compiler has put into the plumbing around it.
  return text.empty() ? describe(frames, true) : text;
}

}  // namespace brood::platform
