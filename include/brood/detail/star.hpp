#pragma once
// starmap: calls whose arguments come as one tuple or pair per call.

#include <brood/detail/input.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/task.hpp>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// Calls f with the fields of a tuple as arguments.
template <class F, class Fields>
struct Star;
template <class F, class... Fields>
struct Star<F, std::tuple<Fields...>> {
  F f;
  static constexpr std::string_view name() { return function_name<F>(); }  // for messages
  std::decay_t<typename Call<F, std::tuple<Fields...>>::Result> operator()(std::tuple<Fields...> fields) {
    return std::apply([&](Fields&... each) { return invoke_here(f, std::move(each)...); }, fields);
  }
};
template <class F, class Fields>
inline constexpr bool begins_with_pointer<Star<F, Fields>> = begins_with_pointer<F>;
template <class F, class Fields>
inline constexpr bool is_code_alone<Star<F, Fields>> = is_code_alone<F>;

/// The fields of an item as they travel to f.
template <class F, class Item, class Seq>
struct StarFields;
template <class F, class Item, std::size_t... I>
struct StarFields<F, Item, std::index_sequence<I...>>
    : std::type_identity<Stored<F, decltype(std::get<I>(std::declval<Item>()))...>> {};

template <class Fields>
struct ToFields;
template <class... Fields>
struct ToFields<std::tuple<Fields...>> {
  template <class Item>
  std::tuple<Fields...> operator()(Item&& item) const {
    return std::apply(
        [](auto&&... each) -> std::tuple<Fields...> {
          static_assert((std::is_constructible_v<Fields, decltype(each)> && ...),
                        "brood: starmap takes the fields out of each item, and these cannot be copied; give "
                        "the items up: starmap(f, std::move(items))");
          if constexpr ((std::is_constructible_v<Fields, decltype(each)> && ...))
            return std::tuple<Fields...>(static_cast<Fields>(std::forward<decltype(each)>(each))...);
          else
            bad_value("item");
        },
        std::forward<Item>(item));
  }
};

template <class F, class Items>
using FieldsOf =
    typename StarFields<std::decay_t<F>, std::ranges::range_reference_t<Items>,
                        std::make_index_sequence<std::tuple_size_v<std::ranges::range_value_t<Items>>>>::type;
/// f for the tuples of as_fields.
template <class Items, class F>
auto star_of(F&& f) {
  return Star<std::decay_t<F>, FieldsOf<F, Items>>{std::forward<F>(f)};
}
/// True for an rvalue container, whose items may be moved from. Other rvalue ranges may refer to items that
/// somebody still needs.
template <class Items>
inline constexpr bool is_owner = requires { typename Items::allocator_type; };

/// The items as tuples of the types in which their fields travel.
template <class View, class Fields, bool owns>
class RangeOfFields {
 public:
  explicit RangeOfFields(View items) : items_(std::move(items)) {}

  class iterator {
   public:
    using value_type = Fields;
    using difference_type = std::ptrdiff_t;
    explicit iterator(View& items) : at_(std::ranges::begin(items)), end_(std::ranges::end(items)) {}
    /// Dereference once per item: fields of owned items are moved out.
    Fields operator*() const {
      if constexpr (owns)
        return ToFields<Fields>{}(std::move(*at_));
      else
        return ToFields<Fields>{}(*at_);
    }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return i.at_ == i.end_; }

   private:
    std::ranges::iterator_t<View> at_;
    std::ranges::sentinel_t<View> end_;
  };
  iterator begin() { return iterator(items_); }
  std::default_sentinel_t end() { return {}; }
  auto size()
    requires std::ranges::sized_range<View>
  {
    return std::ranges::size(items_);
  }

 private:
  View items_;
};
template <class F, class Items>
auto as_fields(Items&& items) {
  return RangeOfFields<Held<Items>, FieldsOf<F, Items>, is_owner<Items>>(
      Held<Items>(std::forward<Items>(items)));
}

}  // namespace brood::detail

/// Encodes f as a function, not as a value: it may be a function pointer.
template <class F, class Fields>
struct brood::Codec<brood::detail::Star<F, Fields>> {
  static void encode(Writer& to, const detail::Star<F, Fields>& star) { detail::encode_function(to, star.f); }
  static detail::Star<F, Fields> decode(Reader& from) { return {detail::decode_function<F>(from)}; }
};
