#pragma once
// The single-writer rings of a queue: values are stored in the cells themselves.
//
// A cell goes empty(lap) -> full(lap) by its writer -> empty(lap + 1) by the reader that takes the value, one
// compare-and-swap each; no other step is needed. A reader copies the value first and owns it only by that
// compare-and-swap, so a reader killed before it leaves the value in place. Only the ring's writer may touch
// the bytes of an empty cell. A second writer does not wait for the first, which may have stopped: it seals
// the ring, as in ring.hpp, so that a put in progress fails to publish, and goes on in the next ring, which
// is a multi-writer one.

#include <bit>
#include <cstdint>

#include "channel/queue_layout.hpp"

namespace brood::channel {

/// `Word`: an atomic word; a test uses one that stops before each access.
template <class Word>
class BasicSoloRing {
 public:
  /// No ring.
  BasicSoloRing() = default;
  /// `capacity`: the number of cells, a power of two. `words`: the size of a value.
  BasicSoloRing(BasicSoloSegment<Word>& segment, std::uint64_t capacity, std::uint32_t words)
      : s_(&segment), mask_(capacity - 1), words_(words) {}
  explicit operator bool() const { return s_ != nullptr; }

  /// Makes this thread the ring's writer, unless it is already. False when another thread is.
  bool claim(std::uint64_t thread);
  /// Leaves the ring without a writer if its writer was a thread of that dead member.
  void release(std::uint32_t member);

  /// The writer's position (tail(), or after the last put), and the position up to which it knows that there
  /// is room.
  struct Tail {
    std::uint64_t at = 0, room = 0;
  };
  enum class Put { done, full, sealed };
  /// Puts a value; only for the writer. `most`: the most values allowed in the ring (capped at its capacity),
  /// the same in each call. `write`: writes the words of the value.
  template <class Write>
  Put put(Tail& tail, std::uint64_t most, Write write);
  Put put(Tail& tail, const std::uint64_t* value, std::uint64_t most);
  /// True when there is room for one more value, with `most` as in put.
  bool has_room(Tail& tail, std::uint64_t most) const;
  /// Seals the ring: nothing more can be published in it, by its writer or anyone else.
  void seal();

  enum class Get { done, empty, sealed };
  /// Takes a value. `head`: as set by the last get, or head().
  Get get(std::uint64_t& head, std::uint64_t* value);
  /// What get() would return.
  Get front() const;

  /// The numbers of values ever published and ever taken. Exact while nothing changes.
  std::uint64_t tail() const;
  std::uint64_t head() const;

 private:
  static constexpr std::uint32_t full_mark = 1;
  Word* cell(std::uint64_t at) const { return &s_->words[(at & mask_) * (1 + words_)]; }
  std::uint32_t lap(std::uint64_t at) const {
    return static_cast<std::uint32_t>(at >> std::countr_one(mask_));
  }
  std::uint64_t passed(std::uint64_t at, Cell seen) const;
  bool is_taken(std::uint64_t at) const;
  bool finds_room(Tail& tail, std::uint64_t most) const;

  BasicSoloSegment<Word>* s_ = nullptr;
  std::uint64_t mask_ = 0;
  std::uint32_t words_ = 0;
};

using SoloRing = BasicSoloRing<Word64>;
extern template class BasicSoloRing<Word64>;

}  // namespace brood::channel
