#pragma once
// Lazy maps, as ranges.

#include <brood/detail/input.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/turns.hpp>
#include <deque>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// The state of an iteration, at a fixed address, since iterators refer to it. Stored: the type in which an
/// item travels.
template <class R, class View, class Stored>
struct ImapState {
  ImapState(std::optional<CallOptions> given, View items)
      : options(std::move(given)), view(std::move(items)), input(view) {}

  std::optional<CallOptions> options;
  View view;
  Input<View, Stored> input;
  std::unique_ptr<Turns> turns;  // over `input`
  Turn turn;
  std::optional<Outcome<R>> now;  // nothing at the end
};

/// Keeps items that have been read, each until its turn.
template <class Item>
class KeptItems {
 public:
  template <class From>
  void add(From& item) {
    items_.emplace_back(item);
  }
  /// Takes out the n-th of all items; each can be taken once.
  Item take(std::size_t n) {
    Item item = std::move(*items_[n - before_]);
    items_[n - before_].reset();
    for (; !items_.empty() && !items_.front(); ++before_) items_.pop_front();
    return item;
  }

 private:
  std::deque<std::optional<Item>> items_;
  std::size_t before_ = 0;
};

template <class R, class View, class Stored>
class Imap {
 public:
  using State = ImapState<R, View, Stored>;
  using Item = std::ranges::range_value_t<View>;

  explicit Imap(std::unique_ptr<State> state) : state_(std::move(state)) {}

  /// Yields {item, Outcome<R>}; throws only what the input itself throws.
  class Outcomes {
    struct Kept {
      std::unique_ptr<State> map;
      KeptItems<Item> items = {};
      std::optional<std::pair<Item, Outcome<R>>> now = {};
    };

   public:
    explicit Outcomes(Imap& map) : kept_(new Kept{std::move(map.state_)}) {
      static_assert(std::is_constructible_v<Item, std::ranges::range_reference_t<View>&>,
                    "brood: outcomes() keeps a copy of each item, and these cannot be copied");
      kept_->map->input.keep_in(kept_->items);
    }
    class iterator {
     public:
      using value_type = std::pair<Item, Outcome<R>>;
      using difference_type = std::ptrdiff_t;
      explicit iterator(Kept* kept) : kept_(kept) { ++*this; }
      value_type& operator*() const { return *kept_->now; }
      iterator& operator++() {
        State& map = *kept_->map;
        kept_->now.reset();
        if (map.turns->next(map.turn)) {
          put_outcome<R>(map.now, map.turn);
          kept_->now.emplace(kept_->items.take(map.turn.number), std::move(*map.now));
        }
        return *this;
      }
      void operator++(int) { ++*this; }
      friend bool operator==(const iterator& i, std::default_sentinel_t) { return !i.kept_->now; }

     private:
      Kept* kept_;
    };
    iterator begin() { return iterator(kept_.get()); }
    std::default_sentinel_t end() { return {}; }

   private:
    std::unique_ptr<Kept> kept_;
  };
  Outcomes outcomes() && { return Outcomes(*this); }
  Outcomes outcomes() & { return Outcomes(*this); }

  class iterator {
   public:
    using value_type = typename Outcome<R>::Value;
    using difference_type = std::ptrdiff_t;
    explicit iterator(State* state) : state_(state) { ++*this; }
    /// The result. Throws what the task threw; the iteration may then continue.
    value_type& operator*() const { return state_->now->value(); }
    iterator& operator++() {
      state_->now.reset();
      if (state_->turns->next(state_->turn)) put_outcome<R>(state_->now, state_->turn);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return !i.state_->now; }

   private:
    State* state_;
  };
  iterator begin() { return iterator(state_.get()); }
  std::default_sentinel_t end() { return {}; }

 private:
  std::unique_ptr<State> state_;
};

template <bool Ordered, class F, class Args, class R, class State, class... Extra>
std::unique_ptr<Turns> turns_of(PoolHandle& pool, State& state, F f, std::tuple<Extra...> extra) {
  using Item = std::tuple_element_t<0, Args>;
  const CallOptions* const given = state.options ? &*state.options : nullptr;
  if constexpr (can_chunk<F, Args>) {
    if (const auto chunksize = chunksize_for(pool, given)) {
      auto function = std::apply(
          [&](Extra&... e) { return chunk_function<F, Args>(std::move(f), std::move(e)...); }, extra);
      return turns_of_chunks(pool, Ordered, *chunksize, map_types<Item, R>(), std::move(function),
                             state.input);
    }
  }
  using Calls = CallsInTurnOf<F, Args, decltype(state.input)>;
  return turns_of_tasks(pool, Ordered, given,
                        std::unique_ptr<CallsInTurn>(new Calls(std::move(f), std::move(extra), state.input)));
}

template <bool Ordered, class F, class Items, class... Extra>
auto imap(PoolHandle& pool, std::optional<CallOptions> options, F&& f, Items&& items, Extra&&... extra) {
  if (options) checked_chunksize(*options);
  using View = Held<Items>;
  using Function = std::decay_t<F>;
  using Args = Stored<Function, std::ranges::range_reference_t<View>, Natural<Extra>...>;
  using R = typename Call<Function, Args>::Result;
  using State = ImapState<R, View, std::tuple_element_t<0, Args>>;
  std::unique_ptr<State> state(new State(std::move(options), View(std::forward<Items>(items))));
  auto stored = [&]<class First, class... To>(std::type_identity<std::tuple<First, To...>>) {
    return std::tuple<To...>(static_cast<To>(Natural<Extra>(std::forward<Extra>(extra)))...);
  }(std::type_identity<Args>{});
  state->turns = turns_of<Ordered, Function, Args, R>(pool, *state, std::forward<F>(f), std::move(stored));
  return Imap<R, View, std::tuple_element_t<0, Args>>(std::move(state));
}

}  // namespace brood::detail
