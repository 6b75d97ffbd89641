// The stack of a throw, taken where it is thrown: in the catch block the function that threw is gone already.
//
// The C++ runtime calls __cxa_throw for each throw; this definition stands before the runtime's own, notes
// the stack and goes on there. It is weak, so that a program with one of its own, or with libstdc++ linked
// statically, keeps that and loses only the traces.

#include <dlfcn.h>
#include <execinfo.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <typeinfo>

#include "platform/modules.hpp"

namespace brood::platform {
namespace {

struct Record {
  std::array<void*, 48> frames;
  std::size_t count = 0;
  int recorders = 0;
};
thread_local Record record;

}  // namespace

ThrowRecorder::ThrowRecorder() {
  ++record.recorders;
  record.count = 0;
}
ThrowRecorder::~ThrowRecorder() { --record.recorders; }

std::span<void* const> ThrowRecorder::last() const {
  // Frame 0 is __cxa_throw itself.
  return record.count > 1 ? std::span<void* const>(record.frames).subspan(1, record.count - 1)
                          : std::span<void* const>();
}

std::size_t capture_stack(std::span<void*> frames) {
  const int n = backtrace(frames.data(), static_cast<int>(frames.size()));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

[[gnu::noinline]] static void note_throw() {
  if (record.recorders == 0) return;
  std::array<void*, 49> frames;
  const std::size_t n = capture_stack(frames);
  record.count = n > 0 ? n - 1 : 0;  // without this function
  for (std::size_t i = 0; i < record.count; ++i) record.frames[i] = frames[i + 1];
}

}  // namespace brood::platform

extern "C" [[gnu::weak, noreturn]] void __cxa_throw(void* object, std::type_info* type,
                                                    void (*destroy)(void*)) {
  using Throw = void (*)(void*, std::type_info*, void (*)(void*));
  static const auto next = reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"));
  brood::platform::note_throw();
  if (next == nullptr) std::abort();
  next(object, type, destroy);
  __builtin_unreachable();
}
