#pragma once
// The source of a lazy map's results, one per turn: from tasks of one item each, or from chunks. The work is
// done in src/pool/turns.cpp, once for all types.

#include <brood/detail/chunks.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace brood::detail {

/// The yield of one turn: a task, whose record the taker then owns; or the reason why there is no result; or
/// the result's bytes, valid until the next turn.
struct Turn {
  std::size_t number = 0;  // index of the item
  Record* task = nullptr;
  std::exception_ptr failure;
  const std::byte* bytes = nullptr;
  std::size_t size = 0;
  std::size_t left = 0;  // results that follow at once, alike in size or failure
};

class Turns {
 public:
  virtual ~Turns() = default;
  /// Moves to the next result; false at the end. An exception from the input is thrown after the results that
  /// precede it.
  bool next(Turn& turn) {
    if (turn.left == 0) return find_next(turn);
    --turn.left;
    ++turn.number;
    turn.bytes += turn.size;
    return true;
  }

 private:
  virtual bool find_next(Turn& turn) = 0;
};

/// A window of tasks that moves over the input as results are taken.
std::unique_ptr<Turns> turns_of_tasks(PoolHandle& pool, bool is_ordered, const CallOptions* options,
                                      std::unique_ptr<CallsInTurn> calls);
/// Chunks of many items, whose results are taken one by one.
std::unique_ptr<Turns> turns_of_chunks(PoolHandle& pool, bool is_ordered, std::size_t chunksize,
                                       const MapTypes& types, std::unique_ptr<const ChunkFunction> function,
                                       ItemReader& items);

/// Constructs the outcome in place, since moving an Outcome for each item costs too much.
template <class R>
void put_outcome(std::optional<Outcome<R>>& to, const Turn& turn) {
  if (turn.task != nullptr) {
    to.emplace(Future<R>(*turn.task).outcome());
  } else if (turn.failure) {
    to.emplace(Failure(turn.failure));
  } else {
    try {
      if constexpr (std::is_void_v<R>)
        to.emplace(std::monostate{});
      else
        to.emplace(decode_all<R>(turn.bytes, turn.size));
    } catch (...) {
      to.emplace(Failure(std::current_exception()));
    }
  }
}

}  // namespace brood::detail
