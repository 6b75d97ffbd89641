#pragma once
// SIGINT, SIGTERM and SIGHUP end a command in order.

#include <string>

namespace tool {

/// While it lives, the first of these signals is kept and asked for; the second one ends the program at once.
/// Signals that the program was told to ignore (nohup, a shell's background jobs) stay ignored.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The signal that came, or 0.
  static int caught();
  /// "SIGTERM"
  static std::string name();
  /// Ends the program by the signal that came, if one came: its shell sees that, and stops a script that was
  /// interrupted. The shell's exit code is 128 and the signal's number.
  static void end_by_it();
};

}  // namespace tool
