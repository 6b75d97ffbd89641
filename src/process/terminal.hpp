#pragma once
// How the children of a program share its terminal. Each child leads a process group of its own, so that it
// can be killed with all that it has started; to the terminal, such a group is a job in the background. Such
// a job needs a shell that gives it the terminal, and the standby of the program's fork server acts as one
// while it stands by: the keeper. It is in the program's process group and so receives the signals of Ctrl-Z
// and of `fg`. docs/decisions/0019-who-has-the-terminal.md.

#include <atomic>

#include "platform/child.hpp"
#include "platform/descriptor.hpp"

namespace brood::process {

/// Called in the program before its server is made. Records, for all processes of the program, whether there
/// is a terminal, and the program's process group.
void note_terminal();
/// Whether the program had a terminal at that time.
bool beside_terminal();

// ---- a process that may want the terminal, and its parent

/// Sets all signals to their defaults, except, if there is a terminal, those by which children share it.
void reset_child_signals();

extern std::atomic<bool> has_got_terminal;
void return_terminal();
/// Gives the terminal back if this process has it. Called at the end of a task or process, before that end is
/// announced: the program may read the terminal next.
inline void give_terminal_back() {
  if (has_got_terminal.load(std::memory_order_relaxed)) [[unlikely]]
    return_terminal();
}
/// Takes the terminal back from a child of this process that has ended, if the child had it.
void terminal_of_ended(platform::Pid child);
/// Asks for the terminal on behalf of a child that the system has stopped for using it, because a child that
/// has executed another program cannot ask for itself. Does not wait.
void look_at_stopped(platform::Pid child);
/// Waits until the child has ended; while waiting, asks for the terminal on its behalf.
void wait_for_child(platform::Pid child);

// ---- the standby

/// Hands the terminal out until `server` has ended (true) or the program has ended (false).
bool keep_terminal(const platform::Descriptor& server);

}  // namespace brood::process
