#pragma once
// Who waits for what, in all processes of the program, and the report of it when the program is ended by
// SIGQUIT.
//
// A wait is noted once it has lasted for a while (WaitNote::delay), by the thread that waits: what is over
// sooner costs nothing but the look at a clock before the sleep that there was anyway. The table is read by
// nobody but the handler of SIGQUIT, which never follows anything in it and prints no more of it than fits.

#include <array>
#include <atomic>
#include <brood/detail/std_parts.hpp>
#include <cstdint>
#include <string_view>

#include "base/function_ref.hpp"
#include "platform/child.hpp"

namespace brood::platform {

/// One line of text, cut where it is full. Allocates nothing.
class WaitText {
 public:
  WaitText& operator<<(std::string_view text);
  WaitText& operator<<(std::uint64_t number);
  std::string_view text() const { return {characters_.data(), size_}; }

 private:
  std::array<char, 200> characters_;
  std::size_t size_ = 0;
};

/// In shared memory, zeros at first. The process that sets a pid into a free entry owns it, until it sets 0
/// or has ended.
struct WaitEntry {
  static constexpr std::size_t most_text = 224;
  Word pid;
  Word thread;
  Word size;                         // of the text; 0: it is being written
  Word idle;                         // 1: a pool's worker without a task
  std::atomic<std::uint64_t> since;  // nanoseconds of the steady clock
  std::array<char, most_text> text;
};

struct WaitTable {
  static constexpr std::uint32_t most = 254;
  alignas(64) Word used;  // entries from here on were never used
  Word refused;           // somebody found no room
  alignas(64) std::array<WaitEntry, most> entries;
};

/// This process notes its waits there from now on; null: nowhere.
void note_waits_in(WaitTable* table);
/// That process has ended, and is not reaped yet.
void forget_waits_of(Pid ended);

/// A thread's wait, from its first sleep to the end of this object. Of several that are nested the outermost
/// is noted, for it is the one that the user knows.
class WaitNote {
 public:
  static constexpr std::chrono::milliseconds delay{500};

  enum class Kind : std::uint32_t { wait, idle };
  using Describe = FunctionRef<void(WaitText&)>;

  /// `describe` is called in the thread that waits, once the wait has lasted for `delay` and at later
  /// wake-ups, for what it tells may change. What it throws makes the text end there. What it refers to
  /// outlives this object.
  explicit WaitNote(Describe describe, Kind kind = Kind::wait) : describe_(describe), kind_(kind) {}
  ~WaitNote() { rest(); }
  WaitNote(const WaitNote&) = delete;
  WaitNote& operator=(const WaitNote&) = delete;

  /// Before each sleep: no sleep may be longer than this, so that the wait is noted. Then it may last.
  std::chrono::nanoseconds patience();
  /// Notes it at once, before a sleep that has no limit.
  void now();
  /// Waits within this one are this one, from here on ...
  void begin();
  /// ... until here. It goes on when it is begun again.
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

/// SIGQUIT prints who waits for what in this process and in all that it has made, and then ends it as ever.
/// Where the program handles or ignores the signal nothing is changed.
void report_waits_at_quit();

}  // namespace brood::platform
