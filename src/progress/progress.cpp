#include <algorithm>
#include <brood/progress.hpp>
#include <chrono>
#include <cmath>

#include "platform/surroundings.hpp"
#include "platform/terminal.hpp"
#include "progress/bar_text.hpp"
#include "progress/board.hpp"

namespace brood {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Progress::Bar {
  explicit Bar(ProgressOptions o) : options(std::move(o)) {}

  static constexpr auto between_draws = 100ms;
  static constexpr std::uint32_t most_between_looks = 64;  // few, because slow items may follow quick ones

  const ProgressOptions options;
  progress_bar::Seat seat;
  const bool utf8 = platform::speaks_utf8();
  const Clock::time_point begun = Clock::now();
  Clock::time_point looked = begun, drawn = begun;
  std::uint32_t stride = 1;
  std::uint64_t count_drawn = 0;
  std::optional<double> rate;  // over the last seconds

  // The number of items until the clock is checked again.
  std::uint32_t next_look(Clock::time_point now) {
    stride = now - looked < 1ms ? std::min(2 * stride, most_between_looks) : 1;
    looked = now;
    return stride;
  }
  void note_rate(Clock::time_point now, std::uint64_t count) {
    const double seconds = std::chrono::duration<double>(now - drawn).count();
    const double latest = static_cast<double>(count - count_drawn) / std::max(seconds, 1e-9);
    const double weight = 1 - std::exp(-seconds / 3);
    rate = rate ? *rate + weight * (latest - *rate) : latest;
    drawn = now;
    count_drawn = count;
  }
  std::string text(std::uint64_t count, std::uint64_t failed, bool last) const {
    progress_bar::State state;
    state.label = options.label;
    state.unit = options.unit;
    state.count = count;
    state.failed = failed;
    state.total = options.total;
    state.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    if (!last) state.items_a_second = rate;
    return progress_bar::text_of(state, seat.columns() - 1, utf8);
  }
};

Progress::Progress(ProgressOptions options) : bar_(new Bar(std::move(options))) {
  if (bar_->seat)
    bar_->seat.draw(bar_->text(0, 0, false));
  else
    until_look_ = 0;  // 2^32 items to the first look
}

Progress::Progress(Progress&& other) noexcept = default;

Progress::~Progress() {
  if (!bar_) return;
  try {
    end();
  } catch (const std::exception&) {  // drawing errors must not end the user's loop
  }
}

void Progress::look() {
  if (!bar_->seat) {
    until_look_ = 0;
    return;
  }
  const auto now = platform::rough_time();
  if (now - bar_->drawn >= Bar::between_draws) {
    bar_->note_rate(now, count_);
    bar_->seat.draw(bar_->text(count_, failed_, false));
  }
  until_look_ = bar_->next_look(now);
}

void Progress::end() {
  if (!bar_->seat) return;
  bar_->seat.leave(bar_->options.leave ? bar_->text(count_, failed_, true) : std::string());
}

void Progress::say(std::string_view line) {
  if (!bar_->seat) return platform::say(std::string(line) + "\n");
  bar_->seat.say(line);
}

}  // namespace brood
