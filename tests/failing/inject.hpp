#pragma once
// The n-th call of a kind fails, in whichever process of the program makes it. The calls of the library are
// bent to here by the linker (--wrap); the product knows nothing of it.

#include <atomic>
#include <cstdint>

namespace failing {

enum class Kind : std::uint32_t { none, memory, heap, process, descriptor, wait };
inline constexpr const char* kind_names[] = {"none", "memory", "heap", "process", "descriptor", "wait"};

struct Page {
  std::atomic<std::uint32_t> armed;  // Kind
  std::atomic<std::uint32_t> nth;    // from 1; 0: only counted
  std::atomic<std::uint32_t> calls;
  std::atomic<std::uint32_t> failed;
  std::atomic<std::uint32_t> loud;  // where it strikes is said
};

/// Shared with all descendants; before the first call.
void map_page(int descriptor);
Page& page();

/// Counts a call of that kind; true when it is the one.
/// Where this thread is, for whoever looks into a failure.
void tell_stack(const char* what);
bool strikes(Kind kind);

}  // namespace failing
