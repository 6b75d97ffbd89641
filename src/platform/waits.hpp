#pragma once
// Which thread waits for what, in all processes of the program, and the report of that when SIGQUIT ends the
// program.
//
// The waiting thread notes a wait once it has lasted for a while (WaitNote::delay). A shorter wait costs only
// a look at the clock before a sleep that was due anyway. Only the handler of SIGQUIT reads the table; it
// follows no reference in it and prints no more of it than fits.

#include <array>
#include <atomic>
#include <brood/detail/std_parts.hpp>
#include <cstdint>
#include <string_view>

#include "base/function_ref.hpp"
#include "platform/child.hpp"

namespace brood::platform {

/// One line of text, cut off when full. Allocates nothing.
class WaitText {
 public:
  WaitText& operator<<(std::string_view text);
  WaitText& operator<<(std::uint64_t number);
  std::string_view text() const { return {characters_.data(), size_}; }

 private:
  std::array<char, 200> characters_;
  std::size_t size_ = 0;
};

/// In shared memory, zeros at first. The process that sets its pid in a free entry owns it until it sets 0 or
/// has ended.
struct WaitEntry {
  static constexpr std::size_t most_text = 224;
  Word pid;
  Word thread;
  Word size;                         // of the text; 0: the text is being written
  Word idle;                         // 1: a pool's worker without a task
  std::atomic<std::uint64_t> since;  // nanoseconds of the steady clock
  std::array<char, most_text> text;
};

struct WaitTable {
  static constexpr std::uint32_t most = 254;
  alignas(64) Word used;  // entries from here on were never used
  Word refused;           // some process found no room
  alignas(64) std::array<WaitEntry, most> entries;
};

/// From now on this process notes its waits in this table; null: nowhere.
void note_waits_in(WaitTable* table);
/// Removes the waits of a process that has ended and is not reaped yet.
void forget_waits_of(Pid ended);

/// One wait of a thread, from its first sleep to the end of this object. Of nested waits only the outermost
/// is noted, because that is the one that the user knows.
class WaitNote {
 public:
  static constexpr std::chrono::milliseconds delay{500};

  enum class Kind : std::uint32_t { wait, idle };
  using Describe = FunctionRef<void(WaitText&)>;

  /// The waiting thread calls `describe` once the wait has lasted for `delay`, and at later wake-ups, because
  /// the description may change. If it throws, the text ends there. What it refers to must outlive this
  /// object.
  explicit WaitNote(Describe describe, Kind kind = Kind::wait) : describe_(describe), kind_(kind) {}
  ~WaitNote() { rest(); }
  WaitNote(const WaitNote&) = delete;
  WaitNote& operator=(const WaitNote&) = delete;

  /// Call before each sleep and sleep no longer than this, so that the wait is noted. Then it may last.
  std::chrono::nanoseconds patience();
  /// Notes the wait at once, before a sleep without a limit.
  void now();
  /// From here on, waits nested in this one count as this one ...
  void begin();
  /// ... until here. The wait goes on when it is begun again.
  void rest() {
    if (is_outermost_) end();
  }

 private:
  std::chrono::nanoseconds tick(bool at_once);
  void write();
  void end();

  Describe describe_;
  Kind kind_;
  bool is_outermost_ = false;
  std::int64_t since_ = 0, written_ = 0;
  WaitEntry* entry_ = nullptr;
};

/// From now on SIGQUIT prints what this process and all processes that it has made wait for, and then ends
/// this process as usual. If the program handles or ignores the signal, nothing is changed.
void report_waits_at_quit();

}  // namespace brood::platform
