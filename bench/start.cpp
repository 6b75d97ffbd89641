// Starting a process: start to exit of an empty child, beside a raw fork, in a small and in a big program.

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brood/brood.hpp>
#include <cstddef>

#include "harness.hpp"

namespace bench {
namespace {

// Private memory that is really there while it lives, as a program's heap is.
class Heap {
 public:
  explicit Heap(std::size_t size) : size_(size) {
    if (size_ == 0) return;
    at_ = static_cast<char*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
  }
  ~Heap() {
    if (at_ != nullptr) munmap(at_, size_);
  }
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

 private:
  char* at_ = nullptr;
  std::size_t size_;
};

double brood_start(std::size_t heap, int times) {
  const Heap big(heap);
  return microseconds_each(times, [](int) {
    brood::Process p([] {});
    p.start();
    p.join();
  });
}

double raw_fork(std::size_t heap, int times) {
  const Heap big(heap);
  return microseconds_each(times, [](int) {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    waitpid(pid, nullptr, 0);
  });
}

double raw_spawn(std::size_t heap, int times) {
  const Heap big(heap);
  bool all = true;
  const double each = microseconds_each(times, [&](int) {
    char name[] = "/bin/true";
    char* const arguments[] = {name, nullptr};
    pid_t pid = 0;
    all = all && posix_spawn(&pid, name, nullptr, nullptr, arguments, environ) == 0;
    if (all) waitpid(pid, nullptr, 0);
  });
  return all ? each : -1;
}

double call_of_start() {
  constexpr int times = 200;
  double inside = 0;
  for (int i = 0; i < times; ++i) {
    brood::Process p([] {});
    const double begun = seconds_now();
    p.start();
    inside += seconds_now() - begun;
    p.join();
  }
  return inside / times * 1e6;
}

double python_process() {
  return python(
      "import multiprocessing as m, time\n"
      "m.set_start_method(\"fork\")\n"
      "def f(): pass\n"
      "t=time.time()\n"
      "for i in range(100):\n p=m.Process(target=f); p.start(); p.join()\n"
      "print((time.time()-t)/100*1e6)",
      100);
}

}  // namespace

std::vector<Case> start_cases() {
  constexpr std::size_t gib = std::size_t{1} << 30;
  return {
      {"process start to exit, small program",
       "us",
       false,
       {{"brood", [] { return brood_start(0, 300); }},
        {"floor: raw fork + waitpid", [] { return raw_fork(0, 300); }},
        {"posix_spawn of /bin/true + waitpid", [] { return raw_spawn(0, 100); }},
        {"Python multiprocessing.Process", python_process}}},
      {"process start to exit, 1 GiB of heap",
       "us",
       false,
       {{"brood", [] { return brood_start(gib, 50); }},
        {"floor: raw fork + waitpid", [] { return raw_fork(gib, 20); }},
        {"posix_spawn of /bin/true + waitpid", [] { return raw_spawn(gib, 20); }}}},
      {"process start to exit, 8 GiB of heap",
       "us",
       false,
       {{"brood", [] { return brood_start(8 * gib, 50); }},
        {"floor: raw fork + waitpid", [] { return raw_fork(8 * gib, 3); }}},
       true,
       3},
      {"call of start()", "us", false, {{"brood", call_of_start}}},
  };
}

}  // namespace bench
