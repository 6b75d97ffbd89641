#pragma once
// What a map calls with its items, for the machinery of maps, which knows only what goes in and what comes
// out: there is one machinery for all functions of int(int), and a program is compiled the sooner.

#include <atomic>
#include <brood/detail/chunk_call.hpp>
#include <brood/detail/task.hpp>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// What can go in chunks: functions and arguments that each call can have a copy of.
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

/// Called with many items in one task.
template <class Item, class R>
class ChunkFunction {
 public:
  virtual ~ChunkFunction() = default;
  /// `results`, `names`: as ChunkCall::encode_call takes them. Throws what submitting throws.
  virtual Record& submit(PoolHandle& pool, const SharedBlock& items, const SharedBlock& results,
                         const Chunk& chunk, std::span<const ItemName> names) const = 0;
  /// How long an item took in the last map of this function, which is where the next one begins: a chunk that
  /// takes longer than that says comes back with what is left. 0: there was none.
  virtual std::atomic<double>& last_seconds_each() const = 0;
};

template <class F, class StoredArgs>
class ChunkFunctionOf;
template <class F, class Item, class... Extra>
class ChunkFunctionOf<F, std::tuple<Item, Extra...>> final
    : public ChunkFunction<Item, typename Call<F, std::tuple<Item, Extra...>>::Result> {
 public:
  template <class... E>
  explicit ChunkFunctionOf(F f, E&&... extra) : f_(std::move(f)), extra_(std::forward<E>(extra)...) {}

  Record& submit(PoolHandle& pool, const SharedBlock& items, const SharedBlock& results, const Chunk& chunk,
                 std::span<const ItemName> names) const override {
    const auto write = [&](Writer& to) {
      std::apply([&](const Extra&... e) { OneCall::encode_call(to, f_, items, results, chunk, names, e...); },
                 extra_);
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

/// Of a function that can_chunk; E: what becomes Extra.
template <class F, class StoredArgs, class... E>
std::unique_ptr<
    const ChunkFunction<std::tuple_element_t<0, StoredArgs>, typename Call<F, StoredArgs>::Result>>
chunk_function(F f, E&&... extra) {
  return std::make_unique<ChunkFunctionOf<F, StoredArgs>>(std::move(f), std::forward<E>(extra)...);
}

/// Called with one item in a task.
template <class Item, class R>
class ItemFunction {
 public:
  virtual ~ItemFunction() = default;
  /// Throws what submitting throws.
  virtual Future<R> submit(PoolHandle& pool, const CallOptions* options, const Item& item) const = 0;
};

template <class F, class StoredArgs>
class ItemFunctionOf;
template <class F, class Item, class... Extra>
class ItemFunctionOf<F, std::tuple<Item, Extra...>> final
    : public ItemFunction<Item, typename Call<F, std::tuple<Item, Extra...>>::Result> {
 public:
  using R = typename Call<F, std::tuple<Item, Extra...>>::Result;
  ItemFunctionOf(F f, std::tuple<Extra...> extra) : f_(std::move(f)), extra_(std::move(extra)) {}

  Future<R> submit(PoolHandle& pool, const CallOptions* options, const Item& item) const override {
    return std::apply(
        [&](const Extra&... e) { return submit_stored<F, Item, Extra...>(pool, options, f_, item, e...); },
        extra_);
  }

 private:
  const F f_;
  const std::tuple<Extra...> extra_;
};

}  // namespace brood::detail
