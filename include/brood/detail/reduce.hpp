#pragma once
// reduce: combines runs of adjacent values, then the partial results; always in workers, because op may
// crash.

#include <brood/detail/std_parts.hpp>
#include <brood/detail/task.hpp>
#include <deque>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::detail {

/// Combines a piece in a worker; a piece is never empty.
template <class Op, class T>
struct JoinAll {
  Op op;
  T operator()(std::vector<T> items) {
    if constexpr (std::is_move_assignable_v<T>) {
      T all = std::move(items.front());
      for (std::size_t i = 1; i != items.size(); ++i)
        all = detail::invoke(op, std::move(all), std::move(items[i]));
      return all;
    } else {
      std::optional<T> all(std::move(items.front()));
      for (std::size_t i = 1; i != items.size(); ++i)
        all.emplace(detail::invoke(op, std::move(*all), std::move(items[i])));
      return std::move(*all);
    }
  }
};

}  // namespace brood::detail

/// Encodes op as a function, not as a value: it may be a function pointer.
template <class Op, class T>
struct brood::Codec<brood::detail::JoinAll<Op, T>> {
  static_assert(brood::detail::may_be_called_elsewhere<Op>());
  static void encode(Writer& to, const detail::JoinAll<Op, T>& join) { detail::encode_function(to, join.op); }
  static detail::JoinAll<Op, T> decode(Reader& from) { return {detail::decode_function<Op>(from)}; }
};

namespace brood::detail {

template <class Items, class T, class Op>
T reduce(PoolHandle& pool, Items&& items, T all, Op op) {
  constexpr std::size_t largest_piece = 16 * 1024, longest_row = 64;
  const auto workers = static_cast<std::size_t>(pool.size());
  std::size_t size = largest_piece;
  if constexpr (std::ranges::sized_range<Items>) {
    const auto even = static_cast<std::size_t>(std::ranges::size(items)) / (8 * workers);
    size = even < 1 ? 1 : even > largest_piece ? largest_piece : even;
  }
  const JoinAll<Op, T> join{op};
  // The number of pieces in flight is limited, because the input may not fit into memory.
  std::deque<Future<T>> pieces;
  std::vector<T> row;
  row.push_back(std::move(all));
  const auto shorten = [&] {
    if (row.size() < 2) return;
    T joined = submit(pool, nullptr, join, row).get();
    row.clear();
    row.push_back(std::move(joined));
  };
  const auto take_first = [&] {
    Future<T> first = std::move(pieces.front());
    pieces.pop_front();
    row.push_back(first.get());
    if (row.size() == longest_row) shorten();
  };
  std::vector<T> piece;
  const auto send = [&] {
    pieces.push_back(submit(pool, nullptr, join, piece));
    piece.clear();
    if (pieces.size() > 4 * workers) take_first();
  };
  for (auto&& item : items) {
    piece.push_back(static_cast<T>(std::forward<decltype(item)>(item)));
    if (piece.size() == size) send();
  }
  if (!piece.empty()) send();
  while (!pieces.empty()) take_first();
  shorten();
  return std::move(row.front());
}

}  // namespace brood::detail
