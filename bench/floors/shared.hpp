#pragma once
// What the floors stand on: memory that two processes share, a raw fork, a spin. No brood.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <new>

namespace bench::floors {

/// A T that this process and those it forks share.
template <class T>
class Shared {
 public:
  Shared()
      : at_(new(mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
                     -1, 0)) T) {}
  ~Shared() { munmap(at_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T* operator->() { return at_; }
  T& operator*() { return *at_; }

 private:
  T* at_;
};

/// Runs f in a forked process, which ends with the scope.
class Forked {
 public:
  template <class F>
  explicit Forked(F f) : pid_(fork()) {
    if (pid_ == 0) {
      f();
      _exit(0);
    }
  }
  ~Forked() { waitpid(pid_, nullptr, 0); }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;

 private:
  pid_t pid_;
};

inline void relax() { __builtin_ia32_pause(); }

struct alignas(64) Line {
  std::atomic<std::uint64_t> word{0};
};

}  // namespace bench::floors
