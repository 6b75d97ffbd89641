#pragma once
// The rings of a queue, which hold the order of its blocks.
//
// A cell goes empty(lap) -> block(lap) -> empty(lap + 1), each by one compare-and-swap; cells are filled
// strictly in order. tail and head are hints that anyone may advance, so a process that dies between updating
// a cell and a cursor leaves nothing undone. A full ring is sealed: the cell at its tail (one is always free)
// gets a mark instead of a block, and after the mark nothing can ever be published in that ring; writers go
// on to the next ring, and readers follow when they reach the mark.
//
// Other processes can overwrite all of this with garbage. So the length is a parameter, which the caller has
// checked, and no loop is endless: see Steps.

#include <bit>
#include <cstdint>

#include "channel/queue_layout.hpp"

namespace brood::channel {

/// Counts the steps of an operation and throws DecodeError after too many. The rings are lock-free: a failed
/// step means that another process progressed, so an operation that retries this long is reading corrupt
/// memory.
class Steps {
 public:
  explicit Steps(std::uint64_t cells = 0) : left_(2 * cells + 1'000'000) {}
  void operator()();

 private:
  std::uint64_t left_;
};

/// `Word`: an atomic word; a test uses one that stops before each access.
template <class Word>
class BasicRing {
 public:
  /// No ring. (The class is two words, so that it is passed in registers: one is constructed for each
  /// operation.)
  BasicRing() = default;
  /// `capacity`: the number of cells, a power of two.
  BasicRing(BasicSegment<Word>& segment, std::uint64_t capacity) : s_(&segment), mask_(capacity - 1) {}
  explicit operator bool() const { return s_ != nullptr; }

  enum class Publish { done, full, limit, sealed };
  /// Appends the block. `limit`: the most values allowed in this ring (0: as many as it holds).
  Publish publish(std::uint32_t block, std::uint64_t limit);
  /// Seals the ring; no effect when it is sealed already.
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
  /// Advances the head past a block that has been taken.
  void pass(const Head& head);
  /// Has the cell changed since front() looked?
  bool changed(const Head& head) const { return cell(head.at).load() != head.cell; }

  /// The number of values is tail() - head(), after help_tail(); the caller ensures that nothing changes
  /// meanwhile.
  void help_tail();
  std::uint64_t tail() const { return s_->tail.load(); }
  std::uint64_t head() const { return s_->head.load(); }

  /// For repair: a cell that names a block, as seen at some moment.
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
  /// Clears the cell if it is unchanged.
  void clear(const Named& named);

 private:
  std::uint64_t look_at_head();
  Word& cell(std::uint64_t at) const { return s_->cells[at & mask_]; }
  std::uint32_t lap(std::uint64_t at) const {
    return static_cast<std::uint32_t>(at >> std::countr_one(mask_));
  }
  // True when lap a precedes lap b; laps are 32 bits and wrap around.
  static bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

  BasicSegment<Word>* s_ = nullptr;
  std::uint64_t mask_ = 0;
};

using Ring = BasicRing<Word64>;
extern template class BasicRing<Word64>;

}  // namespace brood::channel
