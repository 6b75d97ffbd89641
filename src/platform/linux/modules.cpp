#include "platform/modules.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <typeinfo>
#include <utility>

#include "base/plain_names.hpp"
#include "platform/linux/module_key.hpp"

namespace brood::platform {
namespace {

std::string executed_path() {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : "/proc/self/exe";
}

int find_first_address(dl_phdr_info* info, std::size_t, void* to) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && segment.p_filesz != 0)
      *static_cast<std::uintptr_t*>(to) = info->dlpi_addr + segment.p_vaddr;
  }
  return 1;  // the program itself comes first
}

// The file that is mapped at the address, according to the kernel.
std::string file_at(std::uintptr_t address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    int path = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %*s %*s %*s %*s %n", &begin, &end, &path) < 2) continue;
    if (begin <= address && address < end) return path > 0 ? line.substr(static_cast<std::size_t>(path)) : "";
  }
  return {};
}

std::string own_path() {
  auto path = loaded_by_another();
  return path.empty() ? executed_path() : path;
}

int add_module(dl_phdr_info* info, std::size_t, void* to) {
  LoadedModule module;
  module.base = info->dlpi_addr;
  module.path = info->dlpi_name;
  auto& all = *static_cast<std::vector<LoadedModule>*>(to);
  if (module.path.empty()) module.path = all.empty() ? own_path() : "[vdso]";
  const std::span segments(info->dlpi_phdr, info->dlpi_phnum);
  module.text_begin = ~std::uintptr_t{0};
  for (const auto& segment : segments) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    module.text_begin = std::min(module.text_begin, module.base + segment.p_vaddr);
    module.text_end = std::max(module.text_end, module.base + segment.p_vaddr + segment.p_memsz);
  }
  if (module.text_end == 0) return 0;
  module.key = key_of(module.path, segments, [&](const ElfW(Phdr) & segment) {
    return std::span(reinterpret_cast<const char*>(module.base + segment.p_vaddr), segment.p_memsz);
  });
  all.push_back(std::move(module));
  return 0;
}

}  // namespace

std::vector<LoadedModule> loaded_modules() {
  std::vector<LoadedModule> all;
  dl_iterate_phdr(add_module, &all);
  return all;
}

const std::vector<LoadedModule>& current_modules() {
  struct Known {
    unsigned long long loaded = 0, unloaded = 0;
    std::vector<LoadedModule> modules;
  };
  // thread_local: needs no lock, and a forked child cannot find it half-written by another thread.
  thread_local Known known;
  Known now;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        auto& [loaded, unloaded, modules] = *static_cast<Known*>(to);
        loaded = info->dlpi_adds;
        unloaded = info->dlpi_subs;
        return 1;
      },
      &now);
  if (known.modules.empty() || known.loaded != now.loaded || known.unloaded != now.unloaded) {
    now.modules = loaded_modules();
    known = std::move(now);
  }
  return known.modules;
}

const LoadedModule* module_of(std::span<const LoadedModule> modules, std::uintptr_t at) {
  for (const auto& module : modules) {
    if (at >= module.text_begin && at < module.text_end) return &module;
  }
  return nullptr;
}

// The executed file may be moved or replaced later, so look only once.
std::string loaded_by_another() {
  static const auto path = [] {
    std::uintptr_t address = 0;
    dl_iterate_phdr(find_first_address, &address);
    auto file = file_at(address);
    // Only a mapping with a path counts; one without a file is no evidence.
    return file.starts_with('/') && file != executed_path() ? file : std::string();
  }();
  return path;
}

std::string what_is_executed() {
  const auto program = loaded_by_another();
  return executed_path() + (program.empty() ? "" : " with " + program);
}

bool is_inside_exit() {
  std::array<void*, 256> frames;
  const auto n = capture_stack(frames);
  return std::any_of(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(n), [](void* frame) {
    Dl_info info{};
    void* const call = static_cast<std::byte*>(frame) - 1;  // just before the return address
    return dladdr(call, &info) != 0 && info.dli_sname != nullptr &&
           std::string_view(info.dli_sname) == "exit";
  });
}

std::string readable(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  return plain_name(name ? name.get() : mangled);
}

std::string current_exception_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type != nullptr ? readable(type->name()) : "an exception of unknown type";
}

}  // namespace brood::platform
