#pragma once
// The source of a lazy map's results, one at each turn: tasks of one item each, or chunks. The work is done
// in src/pool/turns.cpp, once for all types.

#include <brood/detail/chunks.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace brood::detail {

/// The yield of one turn: a task of its own, whose record is the taker's; or the reason why there is no
/// result; or the result's bytes, valid until the next turn.
struct Turn {
  std::size_t number = 0;  // of the item
  Record* task = nullptr;
  std::exception_ptr failure;
  const std::byte* bytes = nullptr;
  std::size_t size = 0;
  std::size_t left = 0;  // so many more of that size, or with that failure, follow at once
};

class Turns {
 public:
  virtual ~Turns() = default;
  /// False at the end. Throws what the input throws, after the results before it.
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

/// Put in place: an Outcome is too much to move for each item.
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
