#include "platform/life.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <brood/detail/life.hpp>

namespace brood {
namespace {

// Until there is a page, or where the kernel has none that a copy finds empty (before Linux 4.14, or refused
// by a filter): then only copies that the C library makes are noticed.
constinit std::uint32_t plain_word = 1;
constinit std::uint32_t* word = &plain_word;
constinit std::uint32_t lives = 1;
void (*in_copy)() = nullptr;

// Before any global of the program is initialised, and so before it can fork.
[[gnu::constructor(150)]] void make_page() {
  const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (madvise(page, size, MADV_WIPEONFORK) != 0) {
    munmap(page, size);
    return;
  }
  word = static_cast<std::uint32_t*>(page);
  *word = lives;
  detail::process_life = word;
}

}  // namespace

constinit const std::uint32_t* detail::process_life = &plain_word;

std::uint32_t platform::life() {
  if (*word == 0) {
    begin_life();
    if (in_copy != nullptr) in_copy();
  }
  return *word;
}

void platform::begin_life() { *word = ++lives; }

void platform::at_fork_in_child(void (*f)()) {
  in_copy = f;
  pthread_atfork(nullptr, nullptr, f);
}

}  // namespace brood
