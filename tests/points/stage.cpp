#include "stage.hpp"

namespace points {

// The stepper knows these by their addresses.
extern "C" [[gnu::noinline]] void points_begin_mark() { asm volatile("" ::: "memory"); }
extern "C" [[gnu::noinline]] void points_end_mark() { asm volatile("" ::: "memory"); }

namespace {

bool announce(Party party, std::int32_t process, std::int32_t thread, std::uint64_t end_function,
              std::uint64_t end_argument) {
  std::uint32_t armed = 1;
  if (!stage().armed.compare_exchange_strong(armed, 0)) return false;
  stage().party = party;
  stage().process = process;
  stage().thread = thread;
  // This program lies elsewhere than the stepper, which is another process of the same file.
  const auto begins = reinterpret_cast<std::uint64_t>(&points_begin_mark);
  stage().begin_function = party == Party::myself ? begins : 0;
  stage().end_function = end_function != 0 ? end_function : reinterpret_cast<std::uint64_t>(&points_end_mark);
  stage().end_argument = end_argument;
  stage().announced.store(1);
  ring();
  while (stage().go.load() == 0) {
    const auto seen = stage().bell.load();
    if (stage().go.load() == 0) listen(seen);
  }
  return true;
}

}  // namespace

void begin() {
  if (announce(Party::myself, getpid(), gettid(), 0, 0)) points_begin_mark();
}

void end() { points_end_mark(); }

void begin_other(Party party, std::int32_t process, std::uint64_t end_function, std::uint64_t end_argument) {
  announce(party, process, process, end_function, end_argument);
}

}  // namespace points
