#pragma once
/// progress: a bar that shows how far a loop is, as tqdm does in Python.
///
///   for (const Page& page : brood::progress(pool.imap(parse, files), {.label = "parse", .total =
///   files.size()}))
///     store(page);
///
///   parse  41%|████████▌            | 4,100/10,000 [00:12<00:17, 342 it/s, 3 failed]
///
/// Around any range: containers, pool.imap and .outcomes(), as_completed, endless ones. Where items of a loop
/// can fail (outcomes, futures, what `*it` throws) the failures are counted too. It is drawn on stderr, ten
/// times a second at most, and nothing at all is printed when that is no terminal. Bars inside of bars, and
/// bars in workers and other processes of the program, have lines of their own; one that has ended stays
/// above them. Costs a nanosecond for an item, and the time to write some hundred bytes when it is drawn.

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
  /// In front.
  std::string label = {};
  /// How many items there will be; not given: as the range says, and without a bar when it cannot.
  std::optional<std::uint64_t> total = {};
  /// What is counted: "341 files/s".
  std::string unit = "it";
  /// It stays when it has ended; else its line is cleared.
  bool leave = true;
};

/// A bar that is advanced by hand. Belongs to one thread at a time; ends with its object.
///
///   brood::Progress bar({.label = "copy", .total = bytes, .unit = "B"});
///   while (copy_some(block)) bar.advance(block.size());
class Progress {
 public:
  /// Draws it at once: the first one is the uppermost.
  explicit Progress(ProgressOptions options = {});
  /// Draws it a last time, or clears it, as the options say.
  ~Progress();
  /// The other one is left without a bar.
  Progress(Progress&& other) noexcept;
  Progress& operator=(Progress&&) = delete;

  /// So many more are done.
  void advance(std::uint64_t n = 1) {
    count_ += n;
    if (--until_look_ == 0) look();
  }
  /// One has failed; it counts as done when advance says so.
  void fail() { ++failed_; }
  /// How many are done.
  std::uint64_t count() const { return count_; }
  /// How many have failed.
  std::uint64_t failed() const { return failed_; }
  /// A line of text above all bars; where no bar can be drawn it goes to stderr as it is.
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

/// An item of a loop that tells of a failure.
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

/// `Range`: a reference when it is somebody else's.
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

  /// The bar itself, for a line above it or its counts.
  Progress& bar() { return progress_; }

 private:
  Range range_;
  Progress progress_;
};

}  // namespace detail

/// A range of the same items that shows how far it is. An lvalue range must outlive it.
template <std::ranges::input_range Range>
auto progress(Range&& range, ProgressOptions options = {}) {
  if constexpr (std::ranges::sized_range<Range>) {
    if (!options.total) options.total = static_cast<std::uint64_t>(std::ranges::size(range));
  }
  return detail::ProgressRange<Range>(std::forward<Range>(range), std::move(options));
}

}  // namespace brood
