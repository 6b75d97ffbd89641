#include "inject.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <execinfo.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>

#include "platform/modules.hpp"

namespace failing {

namespace {
Page nobodys{};
Page* the_page = &nobodys;
}  // namespace

Page& page() { return *the_page; }

void tell_stack(const char* what) {
  void* frames[40];
  const auto n = static_cast<std::size_t>(backtrace(frames, 40));
  std::fprintf(stderr, "%s in process %d at\n%s\n", what, getpid(),
               brood::platform::describe_stack(std::span(frames, n)).c_str());
}

bool strikes(Kind kind) {
  Page& p = *the_page;
  if (p.armed.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(kind)) return false;
  if (p.calls.fetch_add(1) + 1 != p.nth.load()) return false;
  p.failed.fetch_add(1);
  if (p.loud.load() != 0) {
    p.armed.store(0);
    tell_stack("strikes");
  }
  return true;
}

}  // namespace failing

using failing::Kind;
using failing::strikes;

namespace {
template <class R>
R fail(int error, R result) {
  errno = error;
  return result;
}
}  // namespace

// ---- the heap, of the whole program
void* operator new(std::size_t size) {
  if (!strikes(Kind::heap)) {
    if (void* at = std::malloc(size != 0 ? size : 1)) return at;
  }
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t align) {
  void* at = nullptr;
  if (!strikes(Kind::heap) && posix_memalign(&at, static_cast<std::size_t>(align), size) == 0) return at;
  throw std::bad_alloc();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

extern "C" {

// ---- memory
void* __real_mmap(void*, std::size_t, int, int, int, off_t);
void* __wrap_mmap(void* at, std::size_t size, int rights, int flags, int fd, off_t offset) {
  if (strikes(Kind::memory)) return fail(ENOMEM, MAP_FAILED);
  return __real_mmap(at, size, rights, flags, fd, offset);
}
int __real_fallocate(int, int, off_t, off_t);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size) {
  return strikes(Kind::memory) ? fail(ENOSPC, -1) : __real_fallocate(fd, mode, offset, size);
}
int __real_ftruncate(int, off_t);
int __wrap_ftruncate(int fd, off_t size) {
  return strikes(Kind::memory) ? fail(ENOMEM, -1) : __real_ftruncate(fd, size);
}

// ---- descriptors
int __real_memfd_create(const char*, unsigned);
int __wrap_memfd_create(const char* name, unsigned flags) {
  return strikes(Kind::descriptor) ? fail(EMFILE, -1) : __real_memfd_create(name, flags);
}
int __real_pipe2(int*, int);
int __wrap_pipe2(int* both, int flags) {
  return strikes(Kind::descriptor) ? fail(EMFILE, -1) : __real_pipe2(both, flags);
}
int __real_eventfd(unsigned, int);
int __wrap_eventfd(unsigned value, int flags) {
  return strikes(Kind::descriptor) ? fail(EMFILE, -1) : __real_eventfd(value, flags);
}
int __real_epoll_create1(int);
int __wrap_epoll_create1(int flags) {
  return strikes(Kind::descriptor) ? fail(EMFILE, -1) : __real_epoll_create1(flags);
}
int __real_epoll_ctl(int, int, int, epoll_event*);
int __wrap_epoll_ctl(int fd, int what, int other, epoll_event* event) {
  if (what == EPOLL_CTL_ADD && strikes(Kind::descriptor)) return fail(ENOSPC, -1);
  return __real_epoll_ctl(fd, what, other, event);
}
int __real_dup2(int, int);
int __wrap_dup2(int from, int to) {
  return strikes(Kind::descriptor) ? fail(EMFILE, -1) : __real_dup2(from, to);
}
int __real_open(const char*, int, ...);
int __wrap_open(const char* path, int flags, ...) {
  std::va_list more;
  va_start(more, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0;
  va_end(more);
  return strikes(Kind::descriptor) ? fail(EMFILE, -1) : __real_open(path, flags, mode);
}
int __real_fcntl(int, int, ...);
int __wrap_fcntl(int fd, int what, ...) {
  std::va_list more;
  va_start(more, what);
  const long argument = va_arg(more, long);
  va_end(more);
  if ((what == F_DUPFD_CLOEXEC || what == F_DUPFD) && strikes(Kind::descriptor)) return fail(EMFILE, -1);
  return __real_fcntl(fd, what, argument);
}

// ---- processes
pid_t __real_fork();
pid_t __wrap_fork() { return strikes(Kind::process) ? fail(EAGAIN, -1) : __real_fork(); }

// ---- waiting
int __real_waitid(idtype_t, id_t, siginfo_t*, int);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  return strikes(Kind::wait) ? fail(EINTR, -1) : __real_waitid(type, id, info, options);
}
int __real_ppoll(pollfd*, nfds_t, const timespec*, const sigset_t*);
int __wrap_ppoll(pollfd* fds, nfds_t n, const timespec* timeout, const sigset_t* mask) {
  return strikes(Kind::wait) ? fail(EINTR, -1) : __real_ppoll(fds, n, timeout, mask);
}
int __real_epoll_wait(int, epoll_event*, int, int);
int __wrap_epoll_wait(int fd, epoll_event* events, int n, int timeout) {
  return strikes(Kind::wait) ? fail(EINTR, -1) : __real_epoll_wait(fd, events, n, timeout);
}
ssize_t __real_read(int, void*, std::size_t);
ssize_t __wrap_read(int fd, void* to, std::size_t n) {
  return strikes(Kind::wait) ? fail<ssize_t>(EINTR, -1) : __real_read(fd, to, n);
}

// ---- by number. Six arguments are passed on, whether they were given or not.
long __real_syscall(long, long, long, long, long, long, long);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_clone && strikes(Kind::process)) return fail(EAGAIN, -1L);
  if (number == SYS_pidfd_open && strikes(Kind::descriptor)) return fail(EMFILE, -1L);
  const bool waits = (b & FUTEX_CMD_MASK) == FUTEX_WAIT || (b & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
  if (number == SYS_futex && waits && strikes(Kind::wait)) return fail(EINTR, -1L);
  return __real_syscall(number, a, b, c, d, e, f);
}

}  // extern "C"

void failing::map_page(int descriptor) {
  void* at = __real_mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (at != MAP_FAILED) the_page = static_cast<Page*>(at);
}
