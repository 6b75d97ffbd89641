#pragma once
// The rings of a queue: in which order its blocks are.
//
// A cell goes empty(lap) -> block(lap) -> empty(lap + 1), each by one compare-and-swap; cells are filled
// strictly in order. tail and head are hints that anyone may help forward, so whoever dies between a cell and
// a cursor leaves nothing undone. A ring that is full is sealed: the cell at its tail (there is always one)
// gets a mark instead of a block, behind which nothing can ever be published there; writers go on to the next
// ring, and readers follow when they come to the mark.
//
// All of it lies where other processes can write noise. The length is therefore handed in, as somebody has
// checked it, and nothing goes round for ever: see Steps.

#include <bit>
#include <cstdint>

#include "channel/queue_layout.hpp"

namespace brood::channel {

/// Others get on at each step that one does not, so that nobody takes many: whoever does goes round in noise,
/// and is told so by a DecodeError.
class Steps {
 public:
  explicit Steps(std::uint64_t cells = 0) : left_(2 * cells + 1'000'000) {}
  void operator()();

 private:
  std::uint64_t left_;
};

/// `Word`: an atomic word; a test has one that stops before each access.
template <class Word>
class BasicRing {
 public:
  /// None. (Two words, so that it travels in registers: it is made anew for each operation.)
  BasicRing() = default;
  /// `capacity`: a power of two; so many cells are there.
  BasicRing(BasicSegment<Word>& segment, std::uint64_t capacity) : s_(&segment), mask_(capacity - 1) {}
  explicit operator bool() const { return s_ != nullptr; }

  enum class Publish { done, full, limit, sealed };
  /// Puts the block at the end. `limit`: no more than so many values in this ring (0: as many as it holds).
  Publish publish(std::uint32_t block, std::uint64_t limit);
  /// Seals the ring; nothing when it is sealed already.
  void seal();

  enum class Front { block, empty, sealed };
  /// What is at the head, and the cell to clear once the block has been taken.
  struct Head {
    Front front = Front::empty;
    std::uint32_t block = 0;
    std::uint64_t at = 0;
    std::uint64_t cell = 0;
  };
  Head front();
  /// The head moves on past a block that somebody has taken.
  void pass(const Head& head);
  /// Has the cell changed since front() looked?
  bool changed(const Head& head) const { return cell(head.at).load() != head.cell; }

  /// Values between the cursors; the caller makes sure that nothing moves meanwhile.
  void help_tail();
  std::uint64_t tail() const { return s_->tail.load(); }
  std::uint64_t head() const { return s_->head.load(); }

  /// For repairs: a cell that names a block, as it was seen.
  struct Named {
    std::uint32_t block;
    std::uint64_t index, cell;
  };
  template <class F>
  void for_each_named(F f) const {
    for (std::uint64_t i = 0; i <= mask_; ++i) {
      const Cell seen{s_->cells[i].load()};
      if (seen.content() != 0 && seen.content() != sealed_mark) f(Named{seen.content() - 1, i, seen.bits});
    }
  }
  /// Clears it, if it is still so.
  void clear(const Named& named);

 private:
  std::uint64_t look_at_head();
  Word& cell(std::uint64_t at) const { return s_->cells[at & mask_]; }
  std::uint32_t lap(std::uint64_t at) const {
    return static_cast<std::uint32_t>(at >> std::countr_one(mask_));
  }
  // Before b, counting round.
  static bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

  BasicSegment<Word>* s_ = nullptr;
  std::uint64_t mask_ = 0;
};

using Ring = BasicRing<Word64>;
extern template class BasicRing<Word64>;

}  // namespace brood::channel
