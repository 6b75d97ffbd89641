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

template <bool Ordered, class F, class View, class... Extra>
class Imap {
 public:
  using Item = std::ranges::range_value_t<View>;
  using Args = Stored<F, std::ranges::range_reference_t<View>, Extra...>;
  using R = typename Call<F, Args>::Result;

 private:
  using Pair = std::pair<Item, Outcome<R>>;
  struct State;

 public:
  Imap(PoolHandle& pool, std::optional<CallOptions> options, F f, View view, std::tuple<Extra...> extra)
      : state_(std::make_unique<State>(pool, std::move(options), std::move(f), std::move(view),
                                       std::move(extra))) {}

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
      using value_type = Pair;
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
  // Stays where it is, for the iterators.
  struct State {
    State(PoolHandle& pool, std::optional<CallOptions> o, F f, View v, std::tuple<Extra...> extra)
        : options(std::move(o)), view(std::move(v)) {
      make_turns(pool, std::move(f), std::move(extra), std::type_identity<Args>{});
    }
    template <class First, class... To>
    void make_turns(PoolHandle& pool, F f, std::tuple<Extra...> extra,
                    std::type_identity<std::tuple<First, To...>>) {
      auto stored =
          std::apply([](Extra&... e) { return std::tuple<To...>(static_cast<To>(std::move(e))...); }, extra);
      const CallOptions* const given = options ? &*options : nullptr;
      if constexpr (can_chunk<F, Args>) {
        if (const auto chunksize = chunksize_for(pool, given)) {
          turns = std::make_unique<TurnsOfChunks<Ordered, F, Args, View>>(pool, *chunksize, std::move(f),
                                                                          view, std::move(stored));
          return;
        }
      }
      turns = std::make_unique<TurnsOfTasks<Ordered, F, Args, View>>(pool, given, std::move(f), view,
                                                                     std::move(stored));
    }

    std::optional<CallOptions> options;
    View view;
    std::unique_ptr<Turns<Item, R>> turns;
    Turn<Item, R> now;
    std::optional<Pair> pair;
  };

  std::unique_ptr<State> state_;
};

template <bool Ordered, class F, class Items, class... Extra>
auto imap(PoolHandle& pool, std::optional<CallOptions> options, F&& f, Items&& items, Extra&&... extra) {
  if (options) checked_chunksize(*options);
  using View = std::views::all_t<Items>;
  return Imap<Ordered, std::decay_t<F>, View, Natural<Extra>...>(
      pool, std::move(options), std::forward<F>(f), std::views::all(std::forward<Items>(items)),
      std::tuple<Natural<Extra>...>(std::forward<Extra>(extra)...));
}

}  // namespace brood::detail
