#pragma once
// What a shell needs for its jobs: the terminal and its foreground group, stopped processes, and the signals
// that the terminal sends when Ctrl-Z or Ctrl-C is typed.

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "platform/child.hpp"
#include "platform/descriptor.hpp"

namespace brood::platform {

/// The controlling terminal of this process. stops_output: the terminal stops background processes that print
/// to it (stty tostop).
enum class TerminalKind { none, plain, stops_output };
TerminalKind own_terminal_kind();
/// The process group in the foreground of the terminal; 0 if there is no terminal. Async-signal-safe.
Pid foreground_group();
/// Puts group `to` into the foreground if group `from` is there now. Any process of the session may call
/// this.
bool hand_terminal(Pid from, Pid to);

Pid own_group();
/// Moves a process (0: this one) into another group of the session.
bool join_group(Pid member, Pid group);
void signal_group(Pid group, int signal);
void signal_process(Pid pid, int signal);
/// Sends a signal that a process ignores unless it waits for it. False if there is no such process.
bool nudge(Pid pid);
/// From now on this process, a child of `maker`, is killed when `maker` ends.
void end_with(Pid maker);

/// One process as /proc lists it.
struct Listed {
  Pid pid = 0, parent = 0, group = 0, session = 0;
  bool stopped = false;  // by a signal
  bool asleep = false;   // it waits for something
  bool ended = false;    // a zombie
};
std::optional<Listed> look_up(Pid pid);
std::vector<Listed> list_processes();
/// The name of the process, as ps shows it.
std::string name_of(Pid pid);

/// A descriptor for the signals of job control, which must be blocked in this process.
class HeardSignals {
 public:
  struct Heard {
    int signal = 0;
    bool typed = false;  // sent by the terminal; else sent by another process
  };
  HeardSignals();  // the descriptor is empty if the system refuses
  const Descriptor& descriptor() const { return signals_; }
  /// Returns the next signal without waiting.
  std::optional<Heard> next();

 private:
  Descriptor signals_;
};
/// Waits until the terminal itself sends a signal, which must be blocked in this process, and returns its
/// number. Returns 0 once end_typed has been called for this process and all signals typed before have been
/// returned.
int next_typed();
void end_typed(Pid listener);

/// Waits until one of the descriptors is readable, or for `milliseconds` (-1: for ever). Ignores negative
/// descriptors. Bit n of the result: descriptor n is readable.
unsigned wait_for_any(std::initializer_list<int> descriptors, int milliseconds);

/// Waits until the child has ended (returns 0) or a signal has stopped it (returns the signal's number). Each
/// stop is reported once.
int wait_for_end_or_stop(Pid child);
/// The same without waiting; also returns 0 while the child runs.
int look_for_stop(Pid child);

/// Sets the signal handlers of a process that may want the terminal. SIGTTIN and SIGTTOU call `wants`; if
/// that returns false, reading fails with EIO, and setting modes succeeds in the background. `prints_freely`:
/// SIGTTOU is ignored instead, also in programs that the process executes. A typed SIGINT is ignored: it is
/// meant for the program alone. All other signals get their defaults.
void reset_signals_beside_terminal(bool (*wants)(), bool prints_freely);

}  // namespace brood::platform
