#include "platform/linux/symbols.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "platform/linux/module_key.hpp"

#ifdef BROOD_HAVE_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#endif

namespace brood::platform {
namespace {

std::atomic<std::uint64_t> opened{0};

// A file mapped for reading.
class Mapped {
 public:
  Mapped() = default;
  // A module's name comes from another process, so it may be anything: do not open devices and pipes.
  explicit Mapped(const std::string& path) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return;
    opened.fetch_add(1, std::memory_order_relaxed);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
      size_ = static_cast<std::size_t>(st.st_size);
      void* at = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
      data_ = at == MAP_FAILED ? nullptr : static_cast<const char*>(at);
    }
    close(fd);
  }
  ~Mapped() { drop(); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  void drop() {
    if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
    data_ = nullptr;
  }
  template <class T>
  std::span<const T> at(std::uint64_t offset, std::uint64_t count) const {
    if (data_ == nullptr || offset > size_ || count > (size_ - offset) / sizeof(T) ||
        offset % alignof(T) != 0) {
      return {};
    }
    return {reinterpret_cast<const T*>(data_ + offset), static_cast<std::size_t>(count)};
  }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

const ElfW(Ehdr) * head_of(const Mapped& file) {
  const auto head = file.at<ElfW(Ehdr)>(0, 1);
  return !head.empty() && std::memcmp(head[0].e_ident, ELFMAG, SELFMAG) == 0 ? head.data() : nullptr;
}

std::string key_of_file(const Mapped& file, const std::string& path) {
  const auto* head = head_of(file);
  if (head == nullptr) return {};
  return key_of(path, file.at<ElfW(Phdr)>(head->e_phoff, head->e_phnum), [&](const ElfW(Phdr) & segment) {
    return file.at<char>(segment.p_offset, segment.p_filesz);
  });
}

// The function in a file's symbol table that contains `address` (as in the file). dladdr sees only exported
// functions.
std::string symbol_in(const Mapped& file, std::uint64_t address) {
  const auto* head = head_of(file);
  if (head == nullptr) return {};
  const auto sections = file.at<ElfW(Shdr)>(head->e_shoff, head->e_shnum);
  for (const auto& section : sections) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
    const auto& text = sections[section.sh_link];
    const auto names = file.at<char>(text.sh_offset, text.sh_size);
    for (const auto& symbol : file.at<ElfW(Sym)>(section.sh_offset, section.sh_size / sizeof(ElfW(Sym)))) {
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && address >= symbol.st_value &&
          address - symbol.st_value < symbol.st_size && symbol.st_name < names.size()) {
        const auto rest = names.subspan(symbol.st_name);
        return {rest.data(), strnlen(rest.data(), rest.size())};
      }
    }
  }
  return {};
}

#ifdef BROOD_HAVE_LIBDW
// File and line of each address, as far as the debug information has them.
class Lines {
 public:
  explicit Lines(const std::string& path) {
    callbacks_.find_elf = dwfl_build_id_find_elf;
    callbacks_.section_address = dwfl_offline_section_address;
    // Only by build ID on this machine. The standard way also asks servers (debuginfod), and for that loads
    // libraries into the program, which then crash if it is about to end.
    callbacks_.find_debuginfo = dwfl_build_id_find_debuginfo;
    dwfl_ = dwfl_begin(&callbacks_);
    if (dwfl_ == nullptr) return;
    opened.fetch_add(1, std::memory_order_relaxed);
    dwfl_report_begin(dwfl_);
    if (dwfl_report_elf(dwfl_, path.c_str(), path.c_str(), -1, 0, true) == nullptr ||
        dwfl_report_end(dwfl_, nullptr, nullptr) != 0) {
      dwfl_end(dwfl_);
      dwfl_ = nullptr;
    }
  }
  ~Lines() {
    if (dwfl_ != nullptr) dwfl_end(dwfl_);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  std::string at(std::uint64_t address) const {
    if (dwfl_ == nullptr) return {};
    if (auto line = of_the_function(address); !line.empty()) return line;
    Dwfl_Line* line = dwfl_getsrc(dwfl_, address);
    if (line == nullptr) return {};
    int number = 0;
    const char* file = dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    return file == nullptr ? std::string() : std::string(file) + ":" + std::to_string(number);
  }

 private:
  using Scopes = std::unique_ptr<Dwarf_Die, decltype(&std::free)>;

  // If the compiler inlined the code at this address into the function: the line of that function itself
  // which calls it. Empty if the code is the function's own.
  std::string of_the_function(std::uint64_t address) const {
    Dwarf_Addr bias = 0;
    Dwarf_Die* unit = dwfl_addrdie(dwfl_, address, &bias);
    Dwarf_Die* found = nullptr;
    const bool any = unit != nullptr && dwarf_getscopes(unit, address - bias, &found) > 0;
    const Scopes innermost(found, &std::free);
    // The scopes around it in the code; the others are those around its definition.
    Dwarf_Die* scopes = nullptr;
    const int n = any ? dwarf_getscopes_die(found, &scopes) : 0;
    const Scopes around(scopes, &std::free);
    Dwarf_Die* outermost = nullptr;
    for (int i = 0; i < n && dwarf_tag(scopes + i) != DW_TAG_subprogram; ++i) {
      if (dwarf_tag(scopes + i) == DW_TAG_inlined_subroutine) outermost = scopes + i;
    }
    Dwarf_Attribute attribute;
    Dwarf_Word file = 0;
    Dwarf_Word line = 0;
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    if (outermost == nullptr ||
        dwarf_formudata(dwarf_attr(outermost, DW_AT_call_file, &attribute), &file) != 0 ||
        dwarf_formudata(dwarf_attr(outermost, DW_AT_call_line, &attribute), &line) != 0 ||
        dwarf_getsrcfiles(unit, &files, &count) != 0 || file >= count) {
      return {};
    }
    const char* name = dwarf_filesrc(files, file, nullptr, nullptr);
    return name == nullptr ? std::string() : std::string(name) + ":" + std::to_string(line);
  }

  Dwfl_Callbacks callbacks_{};
  Dwfl* dwfl_ = nullptr;
};
#else
struct Lines {
  explicit Lines(const std::string&) {}
  std::string at(std::uint64_t) const { return {}; }
};
#endif

// One module, and what has been looked up in it.
class File {
 public:
  // The program's own file may have been deleted or replaced since; any other file must still be the one that
  // was loaded.
  File(std::string key, std::string path)
      : key_(std::move(key)), path_(is_own() ? "/proc/self/exe" : std::move(path)), mapped_(path_) {
    if (is_own() || key_of_file(mapped_, path_) == key_) return;
    mapped_.drop();
    path_.clear();
  }
  const std::string& key() const { return key_; }

  Named name(std::uint64_t address, bool with_line) {
    if (known_.size() >= most_known) known_.clear();
    const auto [it, is_new] = known_.try_emplace(address);
    auto& [named, has_line] = it->second;
    if (is_new) {
      named.symbol = symbol_in(mapped_, address);
      if (named.symbol.empty()) named.symbol = exported_at(address);
    }
    if (with_line && !has_line) {
      if (!lines_ && !path_.empty()) lines_ = std::make_unique<Lines>(path_);
      if (lines_) named.line = lines_->at(address);
      has_line = true;
    }
    return named;
  }

 private:
  static constexpr std::size_t most_known = 4096;
  struct Known {
    Named named;
    bool has_line = false;
  };

  bool is_own() const {
    const auto& all = current_modules();
    return !all.empty() && all.front().key == key_;
  }
  // Works if the module is loaded here too.
  std::string exported_at(std::uint64_t address) const {
    for (const auto& module : current_modules()) {
      if (module.key != key_) continue;
      Dl_info info{};
      // NOLINTNEXTLINE: an address out of another process, as it is here
      const auto* at = reinterpret_cast<const void*>(module.base + address);
      if (dladdr(at, &info) != 0 && info.dli_sname != nullptr) return info.dli_sname;
    }
    return {};
  }

  std::string key_, path_;
  Mapped mapped_;
  std::unique_ptr<Lines> lines_;
  std::map<std::uint64_t, Known> known_;
};

// The files that were used last, owned by this process: in a copy made by fork, another thread may have been
// working on them.
struct Files {
  static constexpr std::size_t most = 32;
  const pid_t owner = getpid();
  std::mutex mutex;
  std::list<File> last;

  File& of(const CodePlace& place) {
    const auto it = std::ranges::find(last, place.key, &File::key);
    if (it != last.end()) {
      last.splice(last.begin(), last, it);
    } else {
      if (last.size() == most) last.pop_back();
      last.emplace_front(place.key, place.path);
    }
    return last.front();
  }
};

Files& files() {
  static std::atomic<Files*> ours{nullptr};
  Files* now = ours.load();
  while (now == nullptr || now->owner != getpid()) {
    auto made = std::make_unique<Files>();
    if (ours.compare_exchange_strong(now, made.get())) return *made.release();
  }
  return *now;
}

}  // namespace

Named name_of(const CodePlace& place, bool with_line) {
  auto& all = files();
  const std::lock_guard lock(all.mutex);
  return all.of(place).name(place.address, with_line);
}

std::uint64_t opened_for_names() { return opened.load(); }

}  // namespace brood::platform
