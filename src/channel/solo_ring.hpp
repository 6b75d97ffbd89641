#pragma once
// The rings of a queue that one thread fills: its values lie in the cells themselves.
//
// A cell goes empty(lap) -> full(lap) by its writer -> empty(lap + 1) by whoever takes the value, one
// compare-and-swap each, and nothing else has to happen: a reader copies the value first and has it by
// that swap, so that one who is killed before it has left it where it was. Nobody but the ring's writer may
// touch the bytes of an empty cell. Another writer does not wait for that one, which may stand still: it
// seals the ring, as in ring.hpp, so that whatever the first was about to publish fails, and goes on in the
// next ring, which is one for many.

#include <bit>
#include <cstdint>

#include "channel/queue_layout.hpp"

namespace brood::channel {

/// `Word`: an atomic word; a test has one that stops before each access.
template <class Word>
class BasicSoloRing {
 public:
  /// None.
  BasicSoloRing() = default;
  /// `capacity`: a power of two; so many cells are there, each with so many words for a value.
  BasicSoloRing(BasicSoloSegment<Word>& segment, std::uint64_t capacity, std::uint32_t words)
      : s_(&segment), mask_(capacity - 1), words_(words) {}
  explicit operator bool() const { return s_ != nullptr; }

  /// This thread is the ring's writer from now on, or was already. False when another one is.
  bool claim(std::uint64_t thread);
  /// Nobody is its writer any more, where a thread of that member was: it is dead.
  void release(std::uint32_t member);

  /// Where its writer stands: tail(), or after the last put; and up to where it knows that there is room.
  struct Tail {
    std::uint64_t at = 0, room = 0;
  };
  enum class Put { done, full, sealed };
  /// By its writer. `most`: so many values, and no more than the ring holds; the same each time. `write`: as
  /// many words as a value has.
  template <class Write>
  Put put(Tail& tail, std::uint64_t most, Write write);
  Put put(Tail& tail, const std::uint64_t* value, std::uint64_t most);
  /// There is room for one more, by the same measure.
  bool has_room(Tail& tail, std::uint64_t most) const;
  /// Its writer, or anybody else, publishes nothing there any more.
  void seal();

  enum class Get { done, empty, sealed };
  /// `head`: of the last get, or head().
  Get get(std::uint64_t& head, std::uint64_t* value);
  /// What a get would find.
  Get front() const;

  /// What has been published and taken in all. Exact while nothing moves.
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
