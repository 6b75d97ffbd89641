#pragma once
// The items of a range, one after another, each dereferenced once: dereferencing may construct the item or
// read it from a stream.

#include <brood/detail/item_blocks.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// A view of a range that the caller keeps in place.
template <class Range>
class RangeThere {
 public:
  explicit RangeThere(Range& range) : range_(&range) {}
  auto begin() const { return std::ranges::begin(*range_); }
  auto end() const { return std::ranges::end(*range_); }
  auto size() const
    requires std::ranges::sized_range<Range>
  {
    return std::ranges::size(*range_);
  }

 private:
  Range* range_;
};
/// The form in which a range is kept until its items are read, like std::views::all: the range itself, or a
/// reference to it.
template <class Range>
using Held =
    std::conditional_t<std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>,
                       RangeThere<std::remove_reference_t<Range>>, std::remove_cvref_t<Range>>;

/// Reads the items of a range. Item: the type in which they travel. The range must outlive the Input and stay
/// in place.
template <class Range, class Item>
class Input final : public ItemReader {
 public:
  using Reference = std::ranges::range_reference_t<Range>;
  using Value = std::ranges::range_value_t<Range>;

  explicit Input(Range& range) : range_(&range) {
    if constexpr (is_sized) left_ = static_cast<std::size_t>(std::ranges::size(range));
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  /// From now on passes each item to keep.add, before it is used.
  template <class Keep>
  void keep_in(Keep& keep) {
    keep_ = &keep;
    add_ = [](void* to, Looked item) { static_cast<Keep*>(to)->add(item); };
  }

  /// The next item, null at the end. Throws what the range throws.
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
  /// Moves past the item that peek() returned.
  void pass() {
    now_ = nullptr;
    is_used_ = true;
    if (left_ != 0) --left_;  // the range may have reported a size below its real one
  }

  std::size_t left() const override { return is_sized ? left_ : unknown; }
  bool has_more() override { return peek() != nullptr; }
  void close() override {
    at_.reset();
    now_ = nullptr;
    ended_ = true;
  }

  void copy(std::byte* to, std::size_t n, std::uint64_t nanoseconds, std::size_t& count) override {
    if constexpr (is_row) {
      if (add_ == nullptr) return copy_row(to, n < left_ ? n : left_, count);
    }
    if constexpr (is_plain<Item>()) {
      SeldomLook clock;
      while (count != n) {
        const Item* item = peek();
        if (item == nullptr) return;
        std::memcpy(to + count++ * sizeof(Item), item, sizeof(Item));
        pass();
        if (clock.is_past(nanoseconds)) return;
      }
    }
  }
  void encode(EncodedItems& to, std::size_t n, std::uint64_t nanoseconds) override {
    if constexpr (!is_plain<Item>()) {
      SeldomLook clock;
      while (to.count() != n) {
        const Item* item = peek();
        if (item == nullptr) return;
        auto added = EncodedItems::Added::again;
        while (added == EncodedItems::Added::again) {
          Writer writer = to.writer();
          detail::encode<Item>(writer, *item);
          added = to.add(writer);
        }
        if (added == EncodedItems::Added::full) return;
        pass();
        if (added == EncodedItems::Added::last || clock.is_past(nanoseconds)) return;
      }
    }
  }

 private:
  using Looked = std::remove_reference_t<Reference>&;
  static constexpr bool is_sized = std::ranges::sized_range<Range>;
  static constexpr bool is_row =
      std::ranges::contiguous_range<Range> && is_sized && std::is_same_v<Value, Item> && is_plain<Item>();
  // An item of another type, or without an address of its own, is constructed in `made_`.
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
    if (add_ != nullptr) add_(keep_, item);
    if constexpr (lies_there) {
      now_ = std::addressof(item);
    } else {
      made_.emplace(std::forward<decltype(item)>(item));
      now_ = &made_->item;
    }
  }
  void copy_row(std::byte* to, std::size_t n, std::size_t& count) {
    if (!at_) at_.emplace(std::ranges::begin(*range_));
    if (n != 0) std::memcpy(to, std::to_address(*at_), n * sizeof(Item));
    *at_ += static_cast<std::ranges::range_difference_t<Range>>(n);
    now_ = nullptr;
    left_ -= n;
    count += n;
  }

  Range* range_;
  std::optional<std::ranges::iterator_t<Range>> at_;
  const Item* now_ = nullptr;
  [[no_unique_address]] std::conditional_t<lies_there, Nothing, std::optional<Made>> made_;
  bool is_used_ = false, ended_ = false;
  std::size_t left_ = 0;
  void* keep_ = nullptr;
  void (*add_)(void* keep, Looked item) = nullptr;
};

}  // namespace brood::detail
