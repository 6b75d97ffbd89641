#pragma once
// The function that a map calls, as the untyped implementation of maps sees it.

#include <atomic>
#include <brood/detail/chunk_call.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/task.hpp>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// True for calls that can be batched: the function and arguments can be copied for each call.
template <class F, class StoredArgs>
constexpr bool can_chunk = false;
template <class F, class Item, class... Extra>
constexpr bool can_chunk<F, std::tuple<Item, Extra...>> = [] {
  using R = typename Call<F, std::tuple<Item, Extra...>>::Result;
  if constexpr (!std::is_copy_constructible_v<F> || !(std::is_copy_constructible_v<Extra> && ...))
    return false;
  else if constexpr (std::is_void_v<R>)
    return true;
  else
    return travels<R> && std::is_move_constructible_v<R>;
}();

/// A function that is called with many items in one task.
class ChunkFunction {
 public:
  virtual ~ChunkFunction() = default;
  /// Submits a chunk. `names`: as for ChunkCall::encode_call. Throws what submitting throws.
  virtual Record& submit(PoolHandle& pool, const ChunkTask& task, std::span<const ItemName> names) const = 0;
  /// Seconds per item in the last map of this function, the first estimate for the next map: a chunk that
  /// takes longer than estimated returns its unfinished items. 0: no map yet.
  virtual std::atomic<double>& last_seconds_each() const = 0;
};

template <class F, class StoredArgs>
class ChunkFunctionOf;
template <class F, class Item, class... Extra>
class ChunkFunctionOf<F, std::tuple<Item, Extra...>> final : public ChunkFunction {
 public:
  template <class... E>
  explicit ChunkFunctionOf(F f, E&&... extra) : f_(std::move(f)), extra_(std::forward<E>(extra)...) {}

  Record& submit(PoolHandle& pool, const ChunkTask& task, std::span<const ItemName> names) const override {
    const auto write = [&](Writer& to) {
      std::apply([&](const Extra&... e) { OneCall::encode_call(to, f_, task, names, e...); }, extra_);
    };
    return pool.submit(task_type<OneCall, F>, EncodeCall::by(write), nullptr);
  }
  std::atomic<double>& last_seconds_each() const override {
    static std::atomic<double> seconds{0};
    return seconds;
  }

 private:
  using OneCall = ChunkCall<F, std::tuple<Item, Extra...>>;
  const F f_;
  const std::tuple<Extra...> extra_;
};

/// Makes the ChunkFunction of a function for which can_chunk holds. E: the types that become Extra.
template <class F, class StoredArgs, class... E>
std::unique_ptr<const ChunkFunction> chunk_function(F f, E&&... extra) {
  return std::unique_ptr<const ChunkFunction>(
      new ChunkFunctionOf<F, StoredArgs>(std::move(f), std::forward<E>(extra)...));
}

/// Calls with the items of an input in order, each as a task of its own.
class CallsInTurn {
 public:
  virtual ~CallsInTurn() = default;
  /// Submits the task of the next item; null at the end. Throws what the input and submitting throw.
  virtual Record* submit_next(PoolHandle& pool, const CallOptions* options) = 0;
};

template <class F, class StoredArgs, class Input>
class CallsInTurnOf;
template <class F, class Item, class... Extra, class Input>
class CallsInTurnOf<F, std::tuple<Item, Extra...>, Input> final : public CallsInTurn {
 public:
  CallsInTurnOf(F f, std::tuple<Extra...> extra, Input& input)
      : f_(std::move(f)), extra_(std::move(extra)), input_(input) {}

  Record* submit_next(PoolHandle& pool, const CallOptions* options) override {
    const Item* item = input_.peek();
    if (item == nullptr) return nullptr;
    Record& record = std::apply(
        [&](const Extra&... e) -> Record& {
          return submit_record<F, Item, Extra...>(pool, options, f_, *item, e...);
        },
        extra_);
    input_.pass();
    return &record;
  }

 private:
  const F f_;
  const std::tuple<Extra...> extra_;
  Input& input_;
};

}  // namespace brood::detail
