#pragma once
// The items of a range, one after the other, each looked at once: it may be made by the looking, or read from
// somewhere.

#include <brood/detail/callable.hpp>
#include <concepts>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// Item: what travels for them. The range must outlive it and stay where it is.
template <class Range, class Item>
class Input {
 public:
  using Reference = std::ranges::range_reference_t<Range>;
  using Value = std::ranges::range_value_t<Range>;
  static constexpr bool is_sized = std::ranges::sized_range<Range>;
  static constexpr bool is_array =
      std::ranges::contiguous_range<Range> && is_sized && std::is_same_v<Value, Item>;

  explicit Input(Range& range) : range_(&range) {
    if constexpr (is_sized) left_ = static_cast<std::size_t>(std::ranges::size(range));
  }

  /// Keeps the items themselves, for take_kept.
  void keep() { keeps_ = true; }

  /// The one in front, null at the end. Throws what the range throws.
  const Item* peek() {
    if (now_ != nullptr || ended_) return now_;
    if (!at_)
      at_.emplace(std::ranges::begin(*range_));
    else if (std::exchange(is_used_, false))
      ++*at_;
    if (*at_ == std::ranges::end(*range_)) {
      ended_ = true;
      return nullptr;
    }
    look();
    return now_;
  }
  /// It has been used.
  void pass() {
    now_ = nullptr;
    is_used_ = true;
    if (left_ != 0) --left_;  // the range may have said less than it has
  }

  /// No more is read: the range may go.
  void close() {
    at_.reset();
    now_ = nullptr;
    ended_ = true;
  }

  /// How many are there, where that is known.
  std::size_t left() const
    requires is_sized
  {
    return left_;
  }
  /// Those in front, as they lie there; pass them with pass(n).
  const Item* data()
    requires is_array
  {
    if (!at_) at_.emplace(std::ranges::begin(*range_));
    return std::to_address(*at_);
  }
  void pass(std::size_t n)
    requires is_array
  {
    if (keeps_) kept_.insert(kept_.end(), data(), data() + n);
    *at_ += static_cast<std::ranges::range_difference_t<Range>>(n);
    left_ -= n;
  }

  /// The n-th of all, once; only of those that were looked at since keep().
  Value take_kept(std::size_t n) {
    Value value = std::move(*kept_[n - before_kept_]);
    kept_[n - before_kept_].reset();
    for (; !kept_.empty() && !kept_.front(); ++before_kept_) kept_.pop_front();
    return value;
  }
  bool keeps() const { return keeps_; }

 private:
  // What is of another type, or has no place of its own, is made here.
  static constexpr bool lies_there =
      std::is_lvalue_reference_v<Reference> && std::is_same_v<std::remove_cvref_t<Reference>, Item>;
  struct Made {
    template <class From>
    explicit Made(From&& from) : item(static_cast<Item>(std::forward<From>(from))) {}
    Item item;
  };
  struct Nothing {};

  void look() {
    decltype(auto) item = **at_;
    if constexpr (std::constructible_from<Value, decltype(item)&>) {
      if (keeps_) kept_.emplace_back(item);
    }
    if constexpr (lies_there) {
      now_ = std::addressof(item);
    } else {
      made_.emplace(std::forward<decltype(item)>(item));
      now_ = &made_->item;
    }
  }

  Range* range_;
  std::optional<std::ranges::iterator_t<Range>> at_;
  const Item* now_ = nullptr;
  [[no_unique_address]] std::conditional_t<lies_there, Nothing, std::optional<Made>> made_;
  bool is_used_ = false, ended_ = false, keeps_ = false;
  std::size_t left_ = 0;
  std::deque<std::optional<Value>> kept_;
  std::size_t before_kept_ = 0;
};

}  // namespace brood::detail
