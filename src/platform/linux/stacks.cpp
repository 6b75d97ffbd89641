// Stacks as text.

#include <algorithm>
#include <cstdio>
#include <initializer_list>

#include "platform/linux/symbols.hpp"
#include "platform/modules.hpp"

namespace brood::platform {
namespace {

bool begins_with_one_of(std::string_view symbol, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](auto b) { return symbol.starts_with(b); });
}

// Frames between the caller's functions that say nothing about them.
bool is_plumbing(std::string_view symbol) {
  if (symbol.starts_with("_ZSt") && symbol.find("__throw_") != symbol.npos) return true;
  return begins_with_one_of(
      symbol, {"__cxa_throw", "_ZN5brood4pool12_GLOBAL__N_115note_starvation", "_ZSt13__invoke_impl",
               "_ZSt8__invoke", "_ZSt6invoke", "_ZSt12__apply_impl", "_ZSt5apply", "_ZN5brood6detail4CallI",
               "_ZZN5brood6detail4CallI", "_ZN5brood6detail9ChunkCallI", "_ZZN5brood6detail9ChunkCallI",
               "_ZN5brood6detail11invoke_hereI", "_ZN5brood6detail6invokeI"});
}

// Below such a frame, every frame is of brood's call into the task.
bool is_ground(std::string_view symbol) {
  return begins_with_one_of(
      symbol,
      {"_ZN5brood4pool12_GLOBAL__N_18run_task", "_ZN5brood4pool4work", "_ZN5brood4pool11worker_main",
       "_ZN5brood7process12_GLOBAL__N_18run_call", "_ZN5brood7process4live", "_ZZN5brood11FunctionRefI",
       "_ZN5brood11FunctionRefI", "_ZN5brood7process17report_exceptions"});
}

// True if the frame belongs neither to the system nor to brood.
bool is_own(const CodePlace& place, std::string_view symbol) {
  if (symbol.empty() || is_plumbing(symbol) || is_ground(symbol)) return false;
  if (begins_with_one_of(symbol, {"_ZN5brood", "_ZNK5brood", "_ZZN5brood", "_ZSt", "_ZNSt", "_ZNKSt",
                                  "_ZN9__gnu_cxx", "__cxa_", "_Unwind_", "_start"})) {
    return false;
  }
  const std::string_view file = std::string_view(place.path).substr(place.path.rfind('/') + 1);
  return !begins_with_one_of(file, {"libc.so", "libc-", "libstdc++", "libgcc_s", "libpthread", "libm.so",
                                    "ld-linux", "libasan", "libubsan", "[vdso]"});
}

// True for parts of the runtime's functions that have no names of their own.
bool is_of_the_runtime(const CodePlace& place) { return place.path.find("/libstdc++.so") != place.path.npos; }

struct Frame {
  std::string symbol, text;
};

std::string text_of(const CodePlace& place, const Named& named) {
  char at[32];
  std::snprintf(at, sizeof at, "+0x%zx", static_cast<std::size_t>(place.address));
  return (named.symbol.empty() ? "?" : readable(named.symbol.c_str())) +
         (named.line.empty() ? "" : " at " + named.line) + " (" +
         place.path.substr(place.path.rfind('/') + 1) + at + ")";
}

std::vector<Frame> frames_of(std::span<const CodePlace> places, bool all_of_them) {
  std::vector<Frame> frames;
  for (const auto& place : places) {
    auto named = name_of(place, true);
    if (!all_of_them && is_ground(named.symbol)) break;
    if (!all_of_them && (is_plumbing(named.symbol) || (named.symbol.empty() && is_of_the_runtime(place))))
      continue;
    frames.push_back({named.symbol, text_of(place, named)});
    if (named.symbol == "main") break;
  }
  return frames;
}

// How many times the `length` frames from `at` on repeat.
std::size_t rounds(std::span<const Frame> frames, std::size_t at, std::size_t length) {
  std::size_t end = at + length;
  while (end < frames.size() && !frames[end].symbol.empty() &&
         frames[end].symbol == frames[end - length].symbol)
    ++end;
  return (end - at) / length;
}

// Prints a recursion once, with its count.
std::string folded(std::span<const Frame> frames) {
  constexpr std::size_t longest = 4, least = 4;
  std::string text;
  const auto add = [&](std::size_t at) { text += "  #" + std::to_string(at) + " " + frames[at].text + "\n"; };
  for (std::size_t at = 0; at < frames.size();) {
    std::size_t length = 1;
    while (length <= longest && rounds(frames, at, length) < least) ++length;
    if (length > longest) {
      add(at++);
      continue;
    }
    const auto n = rounds(frames, at, length);
    for (std::size_t i = 0; i < length; ++i) add(at + i);
    text += "  ... " + (length == 1 ? "this one" : "these " + std::to_string(length)) + " " +
            std::to_string(n - 1) + " times more\n";
    at += n * length;
  }
  return text;
}

std::vector<CodePlace> places_of(std::span<void* const> frames) {
  std::vector<CodePlace> places;
  for (void* frame : frames) {
    // A return address: the call is just before it.
    const auto at = reinterpret_cast<std::uintptr_t>(frame) - 1;
    if (const auto* module = module_of(current_modules(), at))
      places.push_back({module->key, module->path, at - module->base});
  }
  return places;
}

}  // namespace

std::string describe_places(std::span<const CodePlace> places) {
  if (places.empty()) return {};  // as for most deaths: nothing to look up
  auto text = folded(frames_of(places, false));
  // If nothing is left, the compiler has inlined the function into the plumbing around it: print everything.
  return text.empty() ? folded(frames_of(places, true)) : text;
}

std::string first_own_place(std::span<const CodePlace> places) {
  for (const auto& place : places) {
    const auto named = name_of(place, true);
    if (!is_own(place, named.symbol)) continue;
    const auto file = named.line.substr(named.line.rfind('/') + 1);
    return readable(named.symbol.c_str()) + (file.empty() ? "" : " at " + file);
  }
  return {};
}

std::string own_places(std::span<void* const> frames, std::size_t most) {
  std::string text, last;
  std::size_t n = 0;
  for (const auto& place : places_of(frames)) {
    const auto named = name_of(place, true);
    // Print a recursion once.
    if (!is_own(place, named.symbol) || named.symbol == last) continue;
    text += (n == 0 ? "" : ", called by ") + text_of(place, named);
    last = named.symbol;
    if (++n == most || named.symbol == "main") break;
  }
  return text;
}

std::string describe_stack(std::span<void* const> frames) { return describe_places(places_of(frames)); }

std::string function_name_at(const void* code) {
  const auto at = reinterpret_cast<std::uintptr_t>(code);
  const auto* module = module_of(current_modules(), at);
  if (module == nullptr) return {};
  const auto symbol = name_of({module->key, module->path, at - module->base}, false).symbol;
  return symbol.empty() ? symbol : readable(symbol.c_str());
}

}  // namespace brood::platform
