#include "platform/life.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <brood/detail/life.hpp>

namespace brood {
namespace {

// Used until there is a page, or if the kernel cannot wipe a page in copies (before Linux 4.14, or a filter
// forbids it): then only copies that the C library makes are noticed.
constinit std::uint32_t plain_word = 1;
constinit std::uint32_t* word = &plain_word;
constinit std::uint32_t lives = 1;
void (*in_copy)() = nullptr;

// Runs before any global of the program is initialised, and so before the program can fork.
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
