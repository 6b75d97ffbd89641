#pragma once
// Lazy maps: a window of tasks that moves over the input as results are taken.

#include <brood/detail/task.hpp>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>

namespace brood::detail {

// How far ahead of the taken results the input is read: enough to keep workers busy on tiny tasks.
inline std::size_t window_of(const PoolHandle& pool) { return static_cast<std::size_t>(pool.size()) * 64; }

template <bool Ordered, class F, class View, class... Extra>
class Imap {
 public:
  using Item = std::ranges::range_value_t<View>;
  using R = CallResult<F, std::ranges::range_reference_t<View>, Extra...>;

  Imap(PoolHandle& pool, std::optional<CallOptions> options, F f, View view, std::tuple<Extra...> extra)
      : state_(std::make_unique<State>(pool, std::move(options), std::move(f), std::move(view),
                                       std::move(extra))) {}

  /// {item, Outcome<R>} at each turn; nothing is thrown but what the input itself throws.
  class Outcomes {
   public:
    explicit Outcomes(Imap& map) : map_(std::move(map)) {}
    class iterator {
     public:
      using value_type = std::pair<Item, Outcome<R>>;
      using difference_type = std::ptrdiff_t;
      explicit iterator(Imap* map) : map_(map) { ++*this; }
      value_type& operator*() const { return *now_; }
      iterator& operator++() {
        now_.reset();
        if (auto next = map_->state_->next(true))
          now_ = std::make_shared<value_type>(std::move(*next->item), next->future.outcome());
        return *this;
      }
      void operator++(int) { ++*this; }
      friend bool operator==(const iterator& i, std::default_sentinel_t) { return !i.now_; }

     private:
      Imap* map_;
      std::shared_ptr<value_type> now_;
    };
    iterator begin() { return iterator(&map_); }
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
    explicit iterator(Imap* map) : map_(map) { ++*this; }
    /// The result; throws what the task threw, and the iteration may go on.
    value_type& operator*() const { return now_->value(); }
    iterator& operator++() {
      now_.reset();
      if (auto next = map_->state_->next(false)) now_ = std::make_shared<Outcome<R>>(next->future.outcome());
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return !i.now_; }

   private:
    Imap* map_;
    std::shared_ptr<Outcome<R>> now_;
  };
  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() { return {}; }

 private:
  struct Entry {
    std::optional<Item> item;  // kept for .outcomes() alone
    Future<R> future;
  };

  struct State {
    State(PoolHandle& p, std::optional<CallOptions> o, F function, View v, std::tuple<Extra...> e)
        : pool(p), options(std::move(o)), f(std::move(function)), view(std::move(v)), extra(std::move(e)) {}

    // Fills the window; an exception of the input is kept until the results before it have been taken.
    void read_ahead(bool keep_items) {
      if (!begun) {
        begun = true;
        try {
          at.emplace(std::ranges::begin(view));
        } catch (...) {
          stop();
        }
      }
      while (at && entries.size() < window_of(pool)) {
        try {
          if (*at == std::ranges::end(view)) {
            at.reset();
            return;
          }
          decltype(auto) item = **at;
          std::optional<Item> kept;
          if (keep_items) kept.emplace(item);
          entries.push_back({std::move(kept), std::apply(
                                                  [&](const auto&... e) {
                                                    return submit(pool, options ? &*options : nullptr, f,
                                                                  std::forward<decltype(item)>(item), e...);
                                                  },
                                                  extra)});
          ++*at;
        } catch (...) {
          stop();
        }
      }
    }
    void stop() {
      at.reset();
      broken = std::current_exception();
    }

    std::optional<Entry> next(bool keep_items) {
      read_ahead(keep_items);
      if (entries.empty()) {
        if (broken) std::rethrow_exception(std::exchange(broken, nullptr));
        return std::nullopt;
      }
      auto which = entries.begin();
      if constexpr (!Ordered) which = first_ready();
      Entry entry = std::move(*which);
      entries.erase(which);
      entry.future.wait();
      return entry;
    }

    typename std::deque<Entry>::iterator first_ready() {
      // Those that are done already, in the order of the input; else the one that ends first.
      for (;;) {
        for (auto it = entries.begin(); it != entries.end(); ++it) {
          if (it->future.is_done()) return it;
        }
        std::vector<const Record*> records;
        for (auto& entry : entries) records.push_back(entry.future.record());
        pool.wait_any(records);
      }
    }

    PoolHandle& pool;
    std::optional<CallOptions> options;
    F f;
    View view;
    std::tuple<Extra...> extra;
    std::optional<std::ranges::iterator_t<View>> at;
    bool begun = false;
    std::exception_ptr broken;
    std::deque<Entry> entries;
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
