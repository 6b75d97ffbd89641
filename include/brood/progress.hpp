#pragma once
/// progress: a progress bar for a loop, like Python's tqdm.
///
///   for (const Page& page : brood::progress(pool.imap(parse, files), {.label = "parse", .total =
///   files.size()}))
///     store(page);
///
///   parse  41%|████████▌            | 4,100/10,000 [00:12<00:17, 342 it/s, 3 failed]
///
/// progress wraps any range: containers, pool.imap and .outcomes(), as_completed, endless ranges. Where items
/// of a loop can fail (outcomes, futures, exceptions from `*it`), failures are counted too. The bar is drawn
/// on stderr, at most ten times a second; nothing at all is printed when stderr is not a terminal. Nested
/// bars, and bars in workers and other processes of the program, each have a line of their own; a finished
/// bar stays above the active ones. Cost: a nanosecond per item, plus the time to write some hundred bytes
/// whenever the bar is drawn.

#include <brood/detail/std_parts.hpp>
#include <brood/future.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace brood {

/// What a bar shows.
struct ProgressOptions {
  /// Text in front of the bar.
  std::string label = {};
  /// Number of items. Default: the size of the range; if the range has none, counts are shown without a bar.
  std::optional<std::uint64_t> total = {};
  /// The unit counted, as in "341 files/s".
  std::string unit = "it";
  /// Whether the bar stays on screen when it has ended; otherwise its line is cleared.
  bool leave = true;
};

/// A progress bar that is advanced by hand and ends with the object. It may be used by one thread at a time.
///
///   brood::Progress bar({.label = "copy", .total = bytes, .unit = "B"});
///   while (copy_some(block)) bar.advance(block.size());
class Progress {
 public:
  /// Draws the bar at once, below those already there.
  explicit Progress(ProgressOptions options = {});
  /// Draws the bar a last time, or clears it, as ProgressOptions::leave says.
  ~Progress();
  /// Takes over the bar; `other` is left without one.
  Progress(Progress&& other) noexcept;
  Progress& operator=(Progress&&) = delete;

  /// Counts `n` more items as done.
  void advance(std::uint64_t n = 1) {
    count_ += n;
    if (--until_look_ == 0) look();
  }
  /// Counts one failure. The item counts as done only when advance() is called for it.
  void fail() { ++failed_; }
  /// The number of items done.
  std::uint64_t count() const { return count_; }
  /// The number of failures.
  std::uint64_t failed() const { return failed_; }
  /// Prints a line of text above all bars; where no bar can be drawn, the line goes to stderr unchanged.
  void say(std::string_view line);

 private:
  struct Bar;
  void look();
  void end();

  std::uint64_t count_ = 0, failed_ = 0;
  std::uint32_t until_look_ = 1;
  std::unique_ptr<Bar> bar_;
};

namespace detail {

template <class T>
inline constexpr bool is_outcome = false;
template <class R>
inline constexpr bool is_outcome<Outcome<R>> = true;
template <class T>
inline constexpr bool is_item_with_outcome = false;
template <class Item, class R>
inline constexpr bool is_item_with_outcome<std::pair<Item, Outcome<R>>> = true;
template <class T>
inline constexpr bool is_future = false;
template <class R>
inline constexpr bool is_future<Future<R>> = true;

/// True when an item of a loop reports a failure.
template <class T>
bool tells_failure(const T& item) {
  if constexpr (is_outcome<T>)
    return !item;
  else if constexpr (is_item_with_outcome<T>)
    return !item.second;
  else if constexpr (is_future<T>)
    return item.valid() && item.record()->is_done() && item.record()->error != nullptr;
  else
    return false;
}

/// What progress() returns. `Range` is a reference type for an lvalue range, which the caller owns.
template <class Range>
class ProgressRange {
 public:
  ProgressRange(Range&& range, ProgressOptions options)
      : range_(std::forward<Range>(range)), progress_(std::move(options)) {}

  class iterator {
   public:
    using value_type = std::ranges::range_value_t<Range>;
    using difference_type = std::ptrdiff_t;
    explicit iterator(ProgressRange* all) : all_(all), at_(std::ranges::begin(all->range_)) {}

    decltype(auto) operator*() const {
      try {
        decltype(auto) item = *at_;
        if (!looked_ && tells_failure(std::as_const(item))) all_->progress_.fail();
        looked_ = true;
        return static_cast<decltype(*at_)>(item);
      } catch (...) {
        if (!std::exchange(looked_, true)) all_->progress_.fail();
        throw;
      }
    }
    iterator& operator++() {
      all_->progress_.advance();
      looked_ = false;
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return i.is_at_end(); }

   private:
    bool is_at_end() const { return at_ == std::ranges::end(all_->range_); }

    ProgressRange* all_;
    std::ranges::iterator_t<Range> at_;
    mutable bool looked_ = false;
  };
  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() { return {}; }

  /// The bar itself, to print a line above it or to read its counts.
  Progress& bar() { return progress_; }

 private:
  Range range_;
  Progress progress_;
};

}  // namespace detail

/// Wraps a range in one that yields its items and shows a progress bar. An lvalue range must outlive the
/// result.
template <std::ranges::input_range Range>
auto progress(Range&& range, ProgressOptions options = {}) {
  if constexpr (std::ranges::sized_range<Range>) {
    if (!options.total) options.total = static_cast<std::uint64_t>(std::ranges::size(range));
  }
  return detail::ProgressRange<Range>(std::forward<Range>(range), std::move(options));
}

}  // namespace brood
