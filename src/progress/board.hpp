#pragma once
// Assigns lines of the terminal to the bars of all processes of a program; the cursor rests in the first of
// them.

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/descriptor.hpp"

namespace brood::progress_bar {

/// A bar's place on the terminal; used by one process, and by one thread at a time.
class Seat {
 public:
  Seat();
  ~Seat() = default;
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  /// True when there is a terminal to draw on.
  explicit operator bool() const { return terminal_ >= 0; }
  /// The terminal's width in columns; 0 when it is gone.
  int columns() const;
  /// Draws the bar in its line. Skipped while another process is drawing: the next call will do.
  void draw(std::string_view text);
  /// Releases the bar's line; a non-empty `text` stays above the other bars.
  void leave(std::string_view text);
  /// Prints a line above all bars.
  void say(std::string_view line);

 private:
  std::uint64_t bar_;
  int terminal_ = -1;
  platform::Descriptor opened_;
};

}  // namespace brood::progress_bar
