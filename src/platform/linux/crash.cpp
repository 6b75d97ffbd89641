#include "platform/crash.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <utility>

#include "platform/modules.hpp"

namespace brood::platform {

namespace {

constexpr std::size_t handler_stack = 64 * 1024;
constexpr std::size_t probe = 1 << 20;

constexpr int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

struct ChildsNote {
  Word pid;  // of its owner; 0: free
  CrashNote note;
};
constexpr std::size_t children_at_once = 16;
using ChildrensNotes = std::array<ChildsNote, children_at_once>;

// State of this process.
CrashNote* note = nullptr;
ChildrensNotes* parents = nullptr;  // where it writes its own note if it has none
ChildrensNotes* childrens = nullptr;
pid_t owner = 0;
std::uintptr_t stack_begin = 0;  // of the first thread, approximately
bool installed = false;          // the handlers, in this process or in one that it was cloned from
std::atomic<pid_t> noting{0};    // the thread that writes the note
sigjmp_buf out_of_the_unwinder;

void handle(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  if (handler == nullptr) action.sa_handler = SIG_DFL;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | flags;
  sigaction(signal, &action, nullptr);
}

pid_t this_thread() { return static_cast<pid_t>(syscall(SYS_gettid)); }

// The stack is destroyed, and the unwinder itself has crashed.
void climb_out(int signal, siginfo_t*, void*) {
  if (this_thread() == noting.load()) siglongjmp(out_of_the_unwinder, 1);
  handle(signal, nullptr, 0);
}

// A fault close to the stack pointer, up to `near` above it or `far` below it: a function with large local
// variables may first touch memory far below.
bool is_stack_overflow(int signal, const siginfo_t& info, const ucontext_t& context) {
  constexpr std::uintptr_t far = 1 << 20, near = 1 << 16;
  if (signal != SIGSEGV || info.si_code <= 0) return false;
  const auto at = reinterpret_cast<std::uintptr_t>(info.si_addr);
  const auto stack = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
  if (at > stack + near || stack > at + far) return false;
  if (this_thread() != owner) return true;
  // A stack pointer that was overwritten points elsewhere.
  rlimit most{};
  getrlimit(RLIMIT_STACK, &most);
  return stack < stack_begin && (most.rlim_cur == RLIM_INFINITY || stack_begin - stack < most.rlim_cur + far);
}

bool has_note() {
  if (note != nullptr || parents == nullptr) return note != nullptr;
  for (auto& each : *parents) {
    std::uint32_t nobodys = 0;
    if (!each.pid.compare_exchange_strong(nobodys, static_cast<std::uint32_t>(owner))) continue;
    note = &each.note;
    return true;
  }
  return false;
}

void write_note(int signal, const siginfo_t& info, const ucontext_t& context) {
  if (is_stack_overflow(signal, info, context)) note->overflown.store(1);
  void* memory = mmap(nullptr, probe, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    note->no_memory.store(1);
  else
    munmap(memory, probe);
  // The faulting place itself is certain, whatever the unwinder makes of the rest. Plus one, so that it reads
  // like a return address.
  const auto here = static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RIP]);
  note->frames[0] = here + 1;
  note->count.store(1);
  void* frames[CrashNote::most_frames + 4];
  const auto n = capture_stack(frames);
  const auto* end = frames + n;
  const auto* from = std::find(static_cast<void**>(frames), frames + n, reinterpret_cast<void*>(here));
  std::uint32_t count = 1;
  while (from != end && ++from != end && count < CrashNote::most_frames) {
    note->frames[count++] = reinterpret_cast<std::uintptr_t>(*from);
  }
  note->count.store(count);
}

// Async-signal-safe: system calls, and the unwinder, which since glibc 2.35 finds its tables without a lock.
void leave_note(int signal, siginfo_t* info, void* context) {
  pid_t nobody = 0;
  if (getpid() == owner && noting.compare_exchange_strong(nobody, this_thread()) && has_note()) {
    handle(SIGSEGV, &climb_out, SA_NODEFER);
    handle(SIGBUS, &climb_out, SA_NODEFER);
    if (sigsetjmp(out_of_the_unwinder, 1) == 0)
      write_note(signal, *info, *static_cast<const ucontext_t*>(context));
  }
  for (const int each : deadly) handle(each, nullptr, 0);
  // A fault repeats when the handler returns; a signal that was sent does not.
  if (info->si_code <= 0) raise(signal);
}

}  // namespace

void prepare_unwinder() {
  static bool prepared = false;
  if (std::exchange(prepared, true)) return;
  void* first[1];
  static_cast<void>(capture_stack(first));
}

void install_crash_handlers() {
  installed = true;
  // mmap, not static data: that would split the neighbouring data over more pages, and each child writes to
  // it.
  static void* const stack =
      mmap(nullptr, handler_stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack_t there{};
  there.ss_sp = stack;
  there.ss_size = handler_stack;
  if (stack != MAP_FAILED) sigaltstack(&there, nullptr);
  prepare_unwinder();
  for (const int each : deadly) handle(each, &leave_note, 0);
}

namespace {
void begin_noting() {
  owner = getpid();
  stack_begin = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (!installed) install_crash_handlers();
}
}  // namespace

void note_crashes(CrashNote& where) {
  note = &where;
  begin_noting();
}

void prepare_crash_notes() {
  if (childrens != nullptr) return;
  void* memory =
      mmap(nullptr, sizeof(ChildrensNotes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) childrens = new (memory) ChildrensNotes{};
}

void note_crashes_for_parent() {
  note = nullptr;
  parents = std::exchange(childrens, nullptr);
  if (parents != nullptr) begin_noting();
}

std::optional<Crash> take_crash_note(std::int32_t pid) {
  if (childrens == nullptr) return std::nullopt;
  for (auto& each : *childrens) {
    if (each.pid.load() != static_cast<std::uint32_t>(pid)) continue;
    Crash crash;
    const auto n = std::min(each.note.count.load(), CrashNote::most_frames);
    for (std::uint32_t i = 0; i < n; ++i)
      crash.frames.push_back(reinterpret_cast<void*>(each.note.frames.at(i)));
    crash.overflown = each.note.overflown.exchange(0) != 0;
    each.note.count.store(0);
    each.pid.store(0);
    return crash;
  }
  return std::nullopt;
}

}  // namespace brood::platform
