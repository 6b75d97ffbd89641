#pragma once
// Which bars of all processes of a program are shown, and in which line: the cursor rests in the first one.

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/descriptor.hpp"

namespace brood::progress_bar {

/// A bar's place on the terminal; of one process, one thread at a time.
class Seat {
 public:
  Seat();
  ~Seat() = default;
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  /// There is a terminal to draw on.
  explicit operator bool() const { return terminal_ >= 0; }
  /// Its columns; 0 when it is none any more.
  int columns() const;
  /// Draws the bar in its line. Not, when another process is drawing: the next time will do.
  void draw(std::string_view text);
  /// Gives its line back; `text`, when there is one, stays above the others.
  void leave(std::string_view text);
  /// A line above all bars.
  void say(std::string_view line);

 private:
  std::uint64_t bar_;
  int terminal_ = -1;
  platform::Descriptor opened_;
};

}  // namespace brood::progress_bar
