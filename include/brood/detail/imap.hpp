#pragma once
// Lazy maps, as ranges.

#include <brood/detail/turns.hpp>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>

namespace brood::detail {

/// How far an iteration has come. Stays where it is, for the iterators.
template <class R, class View>
struct ImapState {
  using Item = std::ranges::range_value_t<View>;

  std::optional<CallOptions> options;
  View view;
  std::unique_ptr<Turns<Item, R>> turns = {};  // over these
  Turn<Item, R> now = {};
  std::optional<std::pair<Item, Outcome<R>>> pair = {};
};

template <class R, class View>
class Imap {
 public:
  using State = ImapState<R, View>;
  using Item = typename State::Item;

  explicit Imap(std::unique_ptr<State> state) : state_(std::move(state)) {}

  /// {item, Outcome<R>} at each turn; nothing is thrown but what the input itself throws.
  class Outcomes {
   public:
    explicit Outcomes(Imap& map) : map_(std::move(map)) {
      static_assert(std::is_constructible_v<Item, std::ranges::range_reference_t<View>&>,
                    "brood: outcomes() keeps a copy of each item, and these cannot be copied");
      map_.state_->turns->keep_items();
    }
    class iterator {
     public:
      using value_type = std::pair<Item, Outcome<R>>;
      using difference_type = std::ptrdiff_t;
      explicit iterator(State* state) : state_(state) { ++*this; }
      value_type& operator*() const { return *state_->pair; }
      iterator& operator++() {
        state_->pair.reset();
        Turn<Item, R> turn;
        if (state_->turns->next(turn)) state_->pair.emplace(std::move(*turn.item), std::move(*turn.outcome));
        return *this;
      }
      void operator++(int) { ++*this; }
      friend bool operator==(const iterator& i, std::default_sentinel_t) { return !i.state_->pair; }

     private:
      State* state_;
    };
    iterator begin() { return iterator(map_.state_.get()); }
    std::default_sentinel_t end() { return {}; }

   private:
    Imap map_;
  };
  Outcomes outcomes() && { return Outcomes(*this); }
  Outcomes outcomes() & { return Outcomes(*this); }

  class iterator {
   public:
    using value_type = typename Outcome<R>::Value;
    using difference_type = std::ptrdiff_t;
    explicit iterator(State* state) : state_(state) { ++*this; }
    /// The result; throws what the task threw, and the iteration may go on.
    value_type& operator*() const { return state_->now.outcome->value(); }
    iterator& operator++() {
      state_->now.outcome.reset();
      state_->turns->next(state_->now);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return !i.state_->now.outcome; }

   private:
    State* state_;
  };
  iterator begin() { return iterator(state_.get()); }
  std::default_sentinel_t end() { return {}; }

 private:
  std::unique_ptr<State> state_;
};

template <bool Ordered, class F, class Args, class R, class View, class... Extra>
std::unique_ptr<Turns<std::ranges::range_value_t<View>, R>> turns_of(PoolHandle& pool,
                                                                     ImapState<R, View>& state, F f,
                                                                     std::tuple<Extra...> extra) {
  using Item = std::tuple_element_t<0, Args>;
  const CallOptions* const given = state.options ? &*state.options : nullptr;
  if constexpr (can_chunk<F, Args>) {
    if (const auto chunksize = chunksize_for(pool, given)) {
      auto function = std::apply(
          [&](Extra&... e) { return chunk_function<F, Args>(std::move(f), std::move(e)...); }, extra);
      return std::make_unique<TurnsOfChunks<Ordered, Item, R, View>>(pool, *chunksize, std::move(function),
                                                                     state.view);
    }
  }
  return std::make_unique<TurnsOfTasks<Ordered, Item, R, View>>(
      pool, given, std::make_unique<ItemFunctionOf<F, Args>>(std::move(f), std::move(extra)), state.view);
}

template <bool Ordered, class F, class Items, class... Extra>
auto imap(PoolHandle& pool, std::optional<CallOptions> options, F&& f, Items&& items, Extra&&... extra) {
  if (options) checked_chunksize(*options);
  using View = std::views::all_t<Items>;
  using Function = std::decay_t<F>;
  using Args = Stored<Function, std::ranges::range_reference_t<View>, Natural<Extra>...>;
  using R = typename Call<Function, Args>::Result;
  auto state = std::make_unique<ImapState<R, View>>(
      ImapState<R, View>{std::move(options), std::views::all(std::forward<Items>(items))});
  auto stored = [&]<class First, class... To>(std::type_identity<std::tuple<First, To...>>) {
    return std::tuple<To...>(static_cast<To>(Natural<Extra>(std::forward<Extra>(extra)))...);
  }(std::type_identity<Args>{});
  state->turns = turns_of<Ordered, Function, Args>(pool, *state, std::forward<F>(f), std::move(stored));
  return Imap<R, View>(std::move(state));
}

}  // namespace brood::detail
