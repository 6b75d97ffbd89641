// The side of the program and of a child that wants the terminal; the keeper's side is terminal_keeper.cpp.
//
// A process that wants the terminal writes the pid of its group's leader into a free cell of the wishes. It
// then wakes the keeper up with a signal that does no harm if the pid belongs to another process by now. The
// keeper answers by changing the cell, so the asking process may be killed at any instruction. The request is
// made in a signal handler, without heap memory and without locks.

#include "process/terminal.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "arena/arena.hpp"
#include "platform/job_control.hpp"
#include "platform/park.hpp"
#include "platform/surroundings.hpp"
#include "process/session.hpp"
#include "process/terminal_words.hpp"

namespace brood::process {

using platform::Pid;

std::atomic<bool> has_got_terminal{false};

void note_terminal() {
  if (session().kind == Session::Kind::child) return;
  const auto kind = platform::own_terminal_kind();
  terminal_words().tostop.store(kind == platform::TerminalKind::stops_output);
  terminal_words().group.store(
      kind == platform::TerminalKind::none ? 0 : static_cast<std::uint32_t>(platform::own_group()));
}

bool beside_terminal() {
  return arena::exists() && terminal_words().group.load(std::memory_order_relaxed) != 0;
}

namespace {

// Null if no cell is free; the caller then tries again later, when others have been answered.
Word* make_terminal_wish(std::uint32_t who) {
  for (auto& cell : terminal_words().wishes) {
    for (std::uint32_t free : {std::uint32_t{0}, refused_wish}) {
      if (cell.compare_exchange_strong(free, who)) return &cell;
    }
  }
  return nullptr;
}

bool wake_terminal_keeper() {
  const auto keeper = pid_in_word(terminal_words().keeper);
  return keeper != 0 && platform::nudge(keeper);
}

// A signal to a dead keeper succeeds until somebody reaps it.
bool keeper_is_unreaped() {
  const auto keeper = platform::open_process(pid_in_word(terminal_words().keeper));
  return keeper && platform::wait_ended(keeper, detail::Deadline::now());
}

void say_in_handler(const char* text) { static_cast<void>(!write(2, text, std::strlen(text))); }

// False if the keeper has refused.
bool get_terminal() {
  const auto group = platform::own_group();
  const auto me = static_cast<std::uint32_t>(group);
  Word* cell = nullptr;
  for (int tries = 0;; ++tries) {
    if (cell == nullptr) cell = make_terminal_wish(me);
    // Repeated, because another process may have become the keeper.
    const bool is_there = wake_terminal_keeper();
    if (tries == 5 && (!is_there || keeper_is_unreaped())) {
      say_in_handler(
          "brood: a process waits for the terminal, but the standby of the fork server, which hands the "
          "terminal out, has been killed; the program gets a new standby when it starts another process\n");
    }
    static const Word nothing{0};
    platform::park(cell != nullptr ? *cell : nothing, cell != nullptr ? me : 0,
                   detail::Deadline::in(std::chrono::milliseconds(200)));
    if (cell == nullptr) continue;
    // A keeper may have died between handing the terminal over and answering.
    auto wish = me;
    if (cell->load() == me &&
        (platform::foreground_group() != group || !cell->compare_exchange_strong(wish, 0)))
      continue;
    std::uint32_t answer = refused_wish;
    if (cell->compare_exchange_strong(answer, 0)) return false;
    if (platform::self_pid() == group) has_got_terminal.store(true, std::memory_order_relaxed);
    return true;
  }
}

}  // namespace

void reset_child_signals() {
  has_got_terminal = false;
  if (beside_terminal())
    platform::reset_signals_beside_terminal(&get_terminal, terminal_words().tostop.load() != 0);
  else
    platform::reset_signals();
}

void terminal_of_ended(Pid child) {
  if (!beside_terminal()) return;
  auto& words = terminal_words();
  auto holder = static_cast<std::uint32_t>(child);
  if (words.holder.load() != holder) return;
  platform::hand_terminal(child, pid_in_word(words.group));
  words.holder.compare_exchange_strong(holder, 0);
  wake_terminal_keeper();
}

void return_terminal() {
  has_got_terminal = false;
  terminal_of_ended(platform::self_pid());
}

namespace {
void ask_for(Pid child, int signal) {
  if (signal != SIGTTIN && signal != SIGTTOU) return;
  make_terminal_wish(static_cast<std::uint32_t>(child));
  wake_terminal_keeper();
}
}  // namespace

void look_at_stopped(Pid child) {
  if (beside_terminal()) ask_for(child, platform::look_for_stop(child));
}

void wait_for_child(Pid child) {
  if (!beside_terminal()) return platform::wait_for_child(child);
  while (const int signal = platform::wait_for_end_or_stop(child)) ask_for(child, signal);
}

}  // namespace brood::process
