#include "platform/crash.hpp"

#include <sys/mman.h>
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

// Of this process.
CrashNote* note = nullptr;
pid_t owner = 0;
std::atomic<pid_t> noting{0};  // the thread that writes the note
sigjmp_buf out_of_the_unwinder;

void handle(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  if (handler == nullptr) action.sa_handler = SIG_DFL;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | flags;
  sigaction(signal, &action, nullptr);
}

pid_t this_thread() { return static_cast<pid_t>(syscall(SYS_gettid)); }

// The stack is in ruins, and the unwinder fell into a hole.
void climb_out(int signal, siginfo_t*, void*) {
  if (this_thread() == noting.load()) siglongjmp(out_of_the_unwinder, 1);
  handle(signal, nullptr, 0);
}

void write_note(const ucontext_t& context) {
  void* memory = mmap(nullptr, probe, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    note->no_memory.store(1);
  else
    munmap(memory, probe);
  // The place itself is sure, whatever the unwinder makes of the rest. One more than it is: as if it were a
  // return address.
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
  if (getpid() == owner && noting.compare_exchange_strong(nobody, this_thread())) {
    handle(SIGSEGV, &climb_out, SA_NODEFER);
    handle(SIGBUS, &climb_out, SA_NODEFER);
    if (sigsetjmp(out_of_the_unwinder, 1) == 0) write_note(*static_cast<const ucontext_t*>(context));
  }
  for (const int each : deadly) handle(each, nullptr, 0);
  // A fault repeats itself on return; what was sent does not.
  if (info->si_code <= 0) raise(signal);
}

}  // namespace

void prepare_unwinder() {
  static bool prepared = false;
  if (std::exchange(prepared, true)) return;
  void* first[1];
  static_cast<void>(capture_stack(first));
}

void note_crashes(CrashNote& where) {
  note = &where;
  owner = getpid();
  alignas(16) static std::byte stack[handler_stack];
  stack_t there{};
  there.ss_sp = stack;
  there.ss_size = sizeof stack;
  sigaltstack(&there, nullptr);
  prepare_unwinder();
  for (const int each : deadly) handle(each, &leave_note, 0);
}

}  // namespace brood::platform
