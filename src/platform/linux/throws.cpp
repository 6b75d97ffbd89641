// The stack of a throw, taken at the throw: in the catch block, the function that threw is already gone.
//
// The C++ runtime calls __cxa_throw for each throw. This definition precedes the runtime's own, notes the
// stack and then calls that one. It is weak, so that a program with a definition of its own, or with
// libstdc++ linked statically, keeps that and loses only the traces.

#include <dlfcn.h>
#include <execinfo.h>
#include <unwind.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <typeinfo>
#include <utility>

#include "platform/modules.hpp"

namespace brood::platform {
namespace {

struct Stack {
  std::size_t count = 0;
  std::array<void*, 48> frames{};
};
// More than one: a destructor may throw and catch an exception while another is in flight.
constexpr std::size_t kept = 4;
struct Record {
  const void* outermost = nullptr;  // the frame of the innermost recorder's function; null: no recording
  bool any = false;                 // a task that throws nothing touches no more than this line
  std::size_t next = 0;
  std::array<const void*, kept> objects{};
  std::array<const std::type_info*, kept> types{};
  // Allocated at the thread's first throw, for the rest of its life: threads that record are the first ones
  // of their processes. Inside this struct it would fill a page that each child copies.
  std::array<Stack, kept>* stacks = nullptr;
};
constinit thread_local Record record;

struct Walk {
  Stack& to;
  _Unwind_Word end;
  int own = 0;
};

// The stack grows downwards: the callers of the recorder's function are above its frame.
_Unwind_Reason_Code note_frame(_Unwind_Context* context, void* walk) {
  auto& [to, end, own] = *static_cast<Walk*>(walk);
  if (_Unwind_GetCFA(context) > end || to.count == to.frames.size()) return _URC_END_OF_STACK;
  // The first two frames are note_throw and __cxa_throw.
  if (own++ >= 2) to.frames.at(to.count++) = reinterpret_cast<void*>(_Unwind_GetIP(context));
  return _URC_NO_REASON;
}

[[gnu::noinline]] void note_throw(const void* object, const std::type_info* type) {
  if (record.outermost == nullptr) return;
  if (record.stacks == nullptr) {
    void* const memory = std::malloc(sizeof *record.stacks);
    if (memory == nullptr) return;
    record.stacks = new (memory) std::array<Stack, kept>;
  }
  record.any = true;
  record.objects.at(record.next) = object;
  record.types.at(record.next) = type;
  Stack& to = record.stacks->at(record.next);
  record.next = (record.next + 1) % kept;
  to.count = 0;
  Walk walk{to, reinterpret_cast<_Unwind_Word>(record.outermost)};
  _Unwind_Backtrace(&note_frame, &walk);
}

}  // namespace

// The frame address of this constructor is just below the frame of the function that owns the recorder. So
// functions called by that function are noted, and that function itself is not.
[[gnu::noinline]] ThrowRecorder::ThrowRecorder() : outer_(record.outermost) {
  record.outermost = __builtin_frame_address(0);
  if (!std::exchange(record.any, false)) return;
  record.objects = {};
}
ThrowRecorder::~ThrowRecorder() { record.outermost = outer_; }

std::span<void* const> ThrowRecorder::stack_of(const std::exception_ptr& error) const {
  const void* object = nullptr;
  static_assert(sizeof error == sizeof object);
  std::memcpy(&object, &error, sizeof object);
  if (object == nullptr) return {};
  // Newest first: its address may have been another exception's before.
  for (std::size_t i = 1; i <= kept; ++i) {
    const auto at = (record.next + kept - i) % kept;
    // An exception that was not thrown (std::make_exception_ptr) may have the address of an earlier one.
    if (record.objects.at(at) == object && *record.types.at(at) == *error.__cxa_exception_type())
      return std::span(record.stacks->at(at).frames).first(record.stacks->at(at).count);
  }
  return {};
}

std::size_t capture_stack(std::span<void*> frames) {
  const int n = backtrace(frames.data(), static_cast<int>(frames.size()));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

}  // namespace brood::platform

// Visible, so that exceptions that the C++ library throws on a caller's behalf (std::vector::at, std::stoi)
// pass through here too.
extern "C" [[gnu::weak, gnu::visibility("default"), noreturn]] void __cxa_throw(void* object,
                                                                                std::type_info* type,
                                                                                void (*destroy)(void*)) {
  using Next = void (*)(void*, std::type_info*, void (*)(void*));
  static const auto next = reinterpret_cast<Next>(dlsym(RTLD_NEXT, "__cxa_throw"));
  brood::platform::note_throw(object, type);
  if (next == nullptr) std::abort();
  next(object, type, destroy);
  __builtin_unreachable();
}
