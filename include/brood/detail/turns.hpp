#pragma once
// Where a lazy map gets its results from, one at each turn: tasks of one item each, or chunks. The work is
// done in src/pool/turns.cpp, once for all types.

#include <brood/detail/chunks.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace brood::detail {

/// What comes at one turn: a task of its own, whose record is the taker's; or why there is no result; or the
/// result's bytes, until the next turn.
struct Turn {
  std::size_t number = 0;  // of the item
  Record* task = nullptr;
  std::exception_ptr failure;
  const std::byte* bytes = nullptr;
  std::size_t size = 0;
};

class Turns {
 public:
  virtual ~Turns() = default;
  /// False at the end. Throws what the input throws, after the results before it.
  virtual bool next(Turn& turn) = 0;
};

/// A window of tasks that moves over the input as results are taken.
std::unique_ptr<Turns> turns_of_tasks(PoolHandle& pool, bool is_ordered, const CallOptions* options,
                                      std::unique_ptr<CallsInTurn> calls);
/// Chunks of many items, whose results are taken one by one.
std::unique_ptr<Turns> turns_of_chunks(PoolHandle& pool, bool is_ordered, std::size_t chunksize,
                                       const MapTypes& types, std::unique_ptr<const ChunkFunction> function,
                                       ItemReader& items);

template <class R>
Outcome<R> outcome_of(const Turn& turn) {
  if (turn.task != nullptr) return Future<R>(*turn.task).outcome();
  if (turn.failure) return Failure(turn.failure);
  try {
    if constexpr (std::is_void_v<R>)
      return std::monostate{};
    else
      return decode_all<R>(turn.bytes, turn.size);
  } catch (...) {
    return Failure(std::current_exception());
  }
}

}  // namespace brood::detail
