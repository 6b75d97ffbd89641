#pragma once
// The page through which the stepper, the program under test and that program's processes talk: mapped before
// brood::init, so that every process has it. Nothing of brood is used to talk of brood.

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace points {

using Word = std::atomic<std::uint32_t>;

/// What happens when the party stands at its point.
enum class Mode : std::uint32_t {
  rehearse,    // nobody is stepped
  walk,        // nothing: it is only watched
  kill,        // it is killed
  stop_kill,   // the others act while it stands there; then it is killed
  stop_go,     // the others act while it stands there; then it goes on
  kill_other,  // another party is let go, then killed at once; then this one goes on
};

/// Which thread is stepped, seen from the one that announces.
enum class Party : std::uint32_t { myself, that_process, its_next_child };

enum class Phase : std::uint32_t { running, standing, over };

struct Stage {
  Word bell;  // whoever waits sleeps here; whoever changes a word rings

  // stepper:
  Word order;   // number of the trial to run
  Word mode;    // Mode
  Word slow;    // 1: the party goes by single steps
  Word armed;   // 1: the first party at a begin mark is the one; it takes the 1
  Word go;      // it is attached
  Word phase;   // Phase
  Word killed;  // set before the kill
  Word let_go;  // kill_other and stop_go of the program itself: the other party may go on

  // the party, or the program on its behalf:
  Word announced;
  Party party;
  std::int32_t process, thread;
  std::uint64_t begin_function;              // 0: the points begin where it is taken
  std::uint64_t end_function, end_argument;  // argument 0: any

  // program:
  Word acted;   // what the others had to do while the party stood is done
  Word done;    // number of the trial that has ended
  Word target;  // pid of the other party
  char failures[8192];

  // the scenario's own, zeroed for each trial
  std::array<Word, 512> notes;
};

inline Stage* stage_page = nullptr;
inline Stage& stage() { return *stage_page; }

inline void ring() {
  stage().bell.fetch_add(1);
  syscall(SYS_futex, &stage().bell, FUTEX_WAKE, 1 << 30, nullptr, nullptr, 0);
}
/// Sleeps until somebody rings after `seen` was read; a few milliseconds at most.
inline void listen(std::uint32_t seen) {
  const timespec patience{0, 5'000'000};
  syscall(SYS_futex, &stage().bell, FUTEX_WAIT, seen, &patience, nullptr, 0);
}
/// False when it does not come true in time.
template <class F>
bool wait_for(F so, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto seen = stage().bell.load();
    if (so()) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    listen(seen);
  }
}

/// Between these two lies what is stepped, when the party that calls them is the chosen one.
void begin();
void end();
/// The program asks that another process be stepped, or the next one that it clones; from now on, until it
/// calls `end_function` with that first argument (0: until end()). Returns when that process is in the
/// stepper's hands.
void begin_other(Party party, std::int32_t process, std::uint64_t end_function = 0,
                 std::uint64_t end_argument = 0);

/// What stands in the stepper's breakpoints.
extern "C" void points_begin_mark();
extern "C" void points_end_mark();

}  // namespace points
