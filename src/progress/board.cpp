#include "progress/board.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <span>
#include <thread>

#include "arena/arena.hpp"
#include "platform/child.hpp"
#include "platform/terminal.hpp"

namespace brood::progress_bar {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait = 200ms;  // of a bar's last line, while other processes draw

// {pid 32 | number in that process 32}
std::uint32_t owner_of(std::uint64_t bar) { return static_cast<std::uint32_t>(bar >> 32); }
std::uint64_t new_bar() {
  static std::atomic<std::uint32_t> number{0};
  return std::uint64_t{static_cast<std::uint32_t>(platform::self_pid())} << 32 | ++number;
}
bool lives(std::uint32_t process) { return platform::is_alive(static_cast<platform::Pid>(process)); }

// Without an arena only this process draws.
std::span<std::atomic<std::uint64_t>> shared_words() {
  static std::array<std::atomic<std::uint64_t>, 33> of_this_process;
  return arena::exists() ? arena::shared_words() : of_this_process;
}

// The list of bars in shared memory, held by one thread at a time. Any process may overwrite its words; at
// worst a line appears in the wrong place.
class Board {
 public:
  explicit Board(std::chrono::milliseconds patience) : words_(shared_words()) {
    const auto me = static_cast<std::uint64_t>(platform::self_pid());
    for (const auto until = std::chrono::steady_clock::now() + patience;;) {
      std::uint64_t holder = 0;
      if (lock().compare_exchange_strong(holder, me)) break;
      if (!lives(static_cast<std::uint32_t>(holder)) && lock().compare_exchange_strong(holder, me)) break;
      if (std::chrono::steady_clock::now() >= until) return;
      std::this_thread::sleep_for(1ms);
    }
    held_ = true;
    clear_ = remove_dead();
  }
  ~Board() {
    if (held_) lock().store(0);
  }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
  explicit operator bool() const { return held_; }

  /// The line of the bar, the last one for a new bar; -1 when there is none left.
  int line_of(std::uint64_t bar) {
    int line = 0;
    for (auto& each : bars()) {
      const auto now = each.load();
      if (now == 0) each.store(bar);
      if (now == 0 || now == bar) return line;
      ++line;
    }
    return -1;
  }
  void remove(std::uint64_t bar) {
    clear_ = true;
    keep_if([&](std::uint64_t each) { return each != bar; });
  }
  /// Clears all lines; the other bars' owners redraw them.
  void clear_lines() { clear_ = true; }

  /// The text that adjusts the screen to the list before anything is drawn.
  std::string preparation() const {
    std::string text = "\r";
    if (!clear_) return text;
    for (int i = 0; i < lines_before_; ++i) text += i == 0 ? "\033[K" : "\n\033[K";
    if (lines_before_ > 1) text += "\033[" + std::to_string(lines_before_ - 1) + "A";
    return text + "\r";
  }

 private:
  std::atomic<std::uint64_t>& lock() { return words_[0]; }
  std::span<std::atomic<std::uint64_t>> bars() { return words_.subspan(1); }

  template <class Keep>
  bool keep_if(Keep keep) {
    std::size_t kept = 0;
    bool removed = false;
    for (auto& each : bars()) {
      const auto bar = each.load();
      if (bar == 0) break;
      if (keep(bar))
        bars()[kept++].store(bar);
      else
        removed = true;
    }
    for (auto& each : bars().subspan(kept)) each.store(0);
    return removed;
  }
  bool remove_dead() {
    for (auto& each : bars()) lines_before_ += each.load() != 0;
    return keep_if([](std::uint64_t bar) { return lives(owner_of(bar)); });
  }

  std::span<std::atomic<std::uint64_t>> words_;
  int lines_before_ = 0;
  bool held_ = false, clear_ = false;
};

}  // namespace

// A worker's stderr is a pipe to the program, so a worker draws on the program's terminal.
Seat::Seat() : bar_(new_bar()) {
  if (platform::terminal_columns(2) != 0) {
    terminal_ = 2;
  } else if (arena::exists() && arena::creator() != static_cast<std::uint32_t>(platform::self_pid())) {
    opened_ = platform::terminal_of(arena::creator());
    terminal_ = opened_.get();
  }
}

int Seat::columns() const { return terminal_ < 0 ? 0 : platform::terminal_columns(terminal_); }

void Seat::draw(std::string_view text) {
  Board board(0ms);
  if (!board) return;
  const int line = board.line_of(bar_);
  if (line < 0) return;
  std::string all = board.preparation();
  all.append(static_cast<std::size_t>(line), '\n');
  all.append("\033[K").append(text).append("\r");
  if (line > 0) all += "\033[" + std::to_string(line) + "A";
  platform::write_to_terminal(terminal_, all);
}

void Seat::leave(std::string_view text) {
  Board board(longest_wait);
  if (!board) return;
  board.remove(bar_);
  std::string all = board.preparation();
  if (!text.empty()) all.append(text).append("\n");
  platform::write_to_terminal(terminal_, all);
}

void Seat::say(std::string_view line) {
  Board board(longest_wait);
  board.clear_lines();
  std::string all = board ? board.preparation() : "\r\033[K";
  all.append(line).append("\n");
  platform::write_to_terminal(terminal_, all);
}

}  // namespace brood::progress_bar
