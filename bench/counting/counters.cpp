#include "counters.hpp"

#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace counting {
namespace {

constexpr const char* tracing = "/sys/kernel/tracing";

std::uint64_t read_number(const std::string& path) {
  std::uint64_t number = 0;
  if (std::FILE* file = std::fopen(path.c_str(), "r")) {
    if (std::fscanf(file, "%lu", &number) != 1) number = 0;
    std::fclose(file);
  }
  return number;
}

// The kernel's number for the entry of system calls, out of tracefs. Where that is not mounted a forked
// child mounts it for itself alone and hands the number over.
std::uint64_t number_of_entry() {
  const std::string path = std::string(tracing) + "/events/raw_syscalls/sys_enter/id";
  if (const auto number = read_number(path)) return number;
  int ends[2];
  if (pipe(ends) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    std::uint64_t number = 0;
    if (unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        mount("tracefs", tracing, "tracefs", 0, nullptr) == 0)
      number = read_number(path);
    _exit(write(ends[1], &number, sizeof number) == sizeof number ? 0 : 1);
  }
  close(ends[1]);
  std::uint64_t number = 0;
  if (child < 0 || read(ends[0], &number, sizeof number) != sizeof number) number = 0;
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return number;
}

}  // namespace

Counter::Counter(What what, Whose whose) {
  perf_event_attr event{};
  event.size = sizeof event;
  event.inherit = whose == Whose::family ? 1 : 0;
  event.type = PERF_TYPE_SOFTWARE;
  if (what == What::system_calls) {
    event.type = PERF_TYPE_TRACEPOINT;
    event.config = number_of_entry();
    if (event.config == 0) {
      why_not_ = "The kernel's trace points cannot be read here; system calls are counted for root only.";
      return;
    }
  } else {
    event.config = what == What::switches ? PERF_COUNT_SW_CONTEXT_SWITCHES : PERF_COUNT_SW_TASK_CLOCK;
  }
  descriptor_ = static_cast<int>(syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  if (descriptor_ < 0) why_not_ = std::string("perf_event_open: ") + std::strerror(errno) + ".";
}

Counter::~Counter() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::uint64_t Counter::value() const {
  std::uint64_t count = 0;
  if (descriptor_ < 0 || read(descriptor_, &count, sizeof count) != sizeof count) return 0;
  return count;
}

std::uint64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt);
}

}  // namespace counting
