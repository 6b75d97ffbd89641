#pragma once
// Where a lazy map gets its results from, one at each turn: tasks of one item each, or chunks.

#include <brood/detail/chunks.hpp>
#include <brood/detail/input.hpp>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace brood::detail {

/// What comes at one turn.
template <class Value, class R>
struct Turn {
  std::optional<Value> item;  // where items are kept
  std::optional<Outcome<R>> outcome;
};

template <class Value, class R>
class Turns {
 public:
  virtual ~Turns() = default;
  /// False at the end. Throws what the input throws, after the results before it.
  virtual bool next(Turn<Value, R>& turn) = 0;
  /// Before the first turn: with the items.
  virtual void keep_items() = 0;
};

/// A window of tasks that moves over the input as results are taken.
template <bool Ordered, class Item, class R, class Range>
class TurnsOfTasks final : public Turns<std::ranges::range_value_t<Range>, R> {
 public:
  using Value = std::ranges::range_value_t<Range>;

  TurnsOfTasks(PoolHandle& pool, const CallOptions* options,
               std::unique_ptr<const ItemFunction<Item, R>> function, Range& items)
      : pool_(pool), options_(options), function_(std::move(function)), input_(items) {}

  void keep_items() override { input_.keep(); }
  bool next(Turn<Value, R>& turn) override {
    read_ahead();
    if (entries_.empty()) {
      if (broken_) std::rethrow_exception(std::exchange(broken_, nullptr));
      return false;
    }
    auto which = entries_.begin();
    if constexpr (!Ordered) which = first_ready();
    Entry entry = std::move(*which);
    entries_.erase(which);
    turn.outcome.emplace(entry.future.outcome());
    if (input_.keeps()) turn.item.emplace(input_.take_kept(entry.number));
    return true;
  }

 private:
  struct Entry {
    std::size_t number;
    Future<R> future;
  };

  // An exception of the input is kept until the results before it have been taken.
  void read_ahead() {
    const auto window = static_cast<std::size_t>(pool_.size()) * 64;
    try {
      while (!broken_ && entries_.size() < window) {
        const Item* item = input_.peek();
        if (item == nullptr) return;
        entries_.push_back({read_, function_->submit(pool_, options_, *item)});
        ++read_;
        input_.pass();
      }
    } catch (...) {
      broken_ = std::current_exception();
    }
  }

  // Those that are done already, in the order of the input; else the one that ends first.
  typename std::deque<Entry>::iterator first_ready() {
    for (;;) {
      for (auto it = entries_.begin(); it != entries_.end(); ++it) {
        if (it->future.is_done()) return it;
      }
      std::vector<const Record*> records;
      for (auto& entry : entries_) records.push_back(entry.future.record());
      pool_.wait_any(records);
    }
  }

  PoolHandle& pool_;
  const CallOptions* options_;
  const std::unique_ptr<const ItemFunction<Item, R>> function_;
  Input<Range, Item> input_;
  std::size_t read_ = 0;
  std::exception_ptr broken_;
  std::deque<Entry> entries_;
};

/// Chunks of many items, whose results are taken one by one.
template <bool Ordered, class Item, class R, class Range>
class TurnsOfChunks final : public Turns<std::ranges::range_value_t<Range>, R> {
 public:
  using Value = std::ranges::range_value_t<Range>;

  TurnsOfChunks(PoolHandle& pool, std::size_t chunksize,
                std::unique_ptr<const ChunkFunction<Item, R>> function, Range& items)
      : chunks_(pool, {chunksize, true}, std::move(function), items) {}

  void keep_items() override { chunks_.input().keep(); }
  bool next(Turn<Value, R>& turn) override {
    while (!is_ready()) {
      chunks_.fill(*this, taken_);
      if (is_ready()) break;
      if (chunks_.wait(*this)) continue;
      if (chunks_.broken() && !std::exchange(has_thrown_, true)) std::rethrow_exception(chunks_.broken());
      return false;
    }
    Run& run = runs_.front();
    const auto number = run.first + run.taken;
    put_outcome(turn.outcome, run);
    if (chunks_.input().keeps()) turn.item.emplace(chunks_.input().take_kept(number));
    ++taken_;
    if (++run.taken == run.count) pop_run();
    return true;
  }

  // What the chunks tell.
  void take_row(std::size_t first, const DoneItems<R>& done) {
    Run run{first, done.count()};
    if constexpr (!std::is_void_v<R>) {
      if (!spare_.empty()) {
        run.bytes = std::move(spare_.back());
        spare_.pop_back();
      }
      if constexpr (is_of_one_size<R>()) {
        run.bytes.assign(done.row(), done.row() + done.count() * sizeof(R));
      } else {
        run.bytes.clear();
        run.ends.reserve(done.count());
        for (std::size_t i = 0; i != done.count(); ++i) {
          const auto bytes = done[i];
          run.bytes.insert(run.bytes.end(), bytes.begin(), bytes.end());
          run.ends.push_back(run.bytes.size());
        }
      }
    }
    put(std::move(run));
  }
  void take_one(std::size_t item, typename Outcome<R>::Value&& value) {
    Run run{item, 1};
    run.value.emplace(std::move(value));
    put(std::move(run));
  }
  void fail(std::size_t first, std::size_t n, const std::exception_ptr& error) {
    Run run{first, n};
    run.failure = error;
    put(std::move(run));
  }

 private:
  // Items that stand next to each other, and what came of them: bytes, or one value, or the same failure.
  struct Run {
    std::size_t first, count;
    std::size_t taken = 0;
    std::vector<std::byte> bytes = {};
    std::vector<std::size_t> ends = {};  // where the results are not of one size
    std::optional<typename Outcome<R>::Value> value = {};
    std::exception_ptr failure = {};
  };

  bool is_ready() const {
    return !runs_.empty() && (!Ordered || runs_.front().first + runs_.front().taken == taken_);
  }
  void put(Run run) {
    auto at = runs_.end();
    if constexpr (Ordered) {
      while (at != runs_.begin() && std::prev(at)->first > run.first) --at;
    }
    runs_.insert(at, std::move(run));
  }
  void pop_run() {
    if (spare_.size() < 8) spare_.push_back(std::move(runs_.front().bytes));
    runs_.pop_front();
  }

  void put_outcome(std::optional<Outcome<R>>& to, Run& run) {
    try {
      if (run.failure) {
        to.emplace(Failure(run.failure));
      } else if (run.value) {
        to.emplace(std::move(*run.value));
      } else if constexpr (std::is_void_v<R>) {
        to.emplace(std::monostate{});
      } else if constexpr (is_of_one_size<R>()) {
        to.emplace(decode_all<R>(run.bytes.data() + run.taken * sizeof(R), sizeof(R)));
      } else {
        const auto begin = run.taken == 0 ? 0 : run.ends[run.taken - 1];
        to.emplace(decode_all<R>(run.bytes.data() + begin, run.ends[run.taken] - begin));
      }
    } catch (...) {
      to.emplace(Failure(std::current_exception()));
    }
  }

  Chunks<Item, R, Range> chunks_;
  std::size_t taken_ = 0;
  std::deque<Run> runs_;
  std::vector<std::vector<std::byte>> spare_;
  bool has_thrown_ = false;
};

}  // namespace brood::detail
