#pragma once
// The implementation of ring.hpp, in a file of its own so that a test can instantiate it with another Word.

#include "channel/ring.hpp"

namespace brood::channel {

// All accesses are sequentially consistent: EventCount requires it, the loads cost no more that way, and the
// compare-and-swaps that every operation depends on dominate the cost anyway.

template <class Word>
typename BasicRing<Word>::Publish BasicRing<Word>::publish(std::uint32_t block, std::uint64_t limit) {
  // One cell always stays free, for the seal.
  const std::uint64_t most = limit == 0 || limit > mask_ ? mask_ : limit;
  std::uint64_t t = s_->tail.load();
  for (Steps step(mask_);; step()) {
    if (t - s_->head_seen.load() >= most && t - look_at_head() >= most) {
      const auto again = s_->tail.load();
      if (again == t) return limit != 0 && most == limit ? Publish::limit : Publish::full;
      t = again;
      continue;
    }
    Cell seen{cell(t).load()};
    if (seen.bits == Cell::make(lap(t), 0).bits) {
      if (cell(t).compare_exchange_strong(seen.bits, Cell::make(lap(t), block + 1).bits)) {
        s_->tail.compare_exchange_strong(t, t + 1);
        return Publish::done;
      }
      continue;
    }
    if (seen.lap() == lap(t) && seen.content() == sealed_mark) return Publish::sealed;
    if (before(seen.lap(), lap(t))) {  // still in the previous lap: this ring is full, or t is stale
      const auto again = s_->tail.load();
      if (again == t) return Publish::full;
      t = again;
      continue;
    }
    if (s_->tail.compare_exchange_strong(t, t + 1)) ++t;  // filled; else t is the newer tail
  }
}

template <class Word>
std::uint64_t BasicRing<Word>::look_at_head() {
  const auto head = s_->head.load();
  s_->head_seen.store(head);
  return head;
}

template <class Word>
void BasicRing<Word>::seal() {
  std::uint64_t t = s_->tail.load();
  for (Steps step(mask_);; step()) {
    Cell seen{cell(t).load()};
    if (seen.bits == Cell::make(lap(t), 0).bits) {
      if (cell(t).compare_exchange_strong(seen.bits, Cell::make(lap(t), sealed_mark).bits)) return;
      continue;
    }
    if (seen.lap() == lap(t) && seen.content() == sealed_mark) return;
    if (before(seen.lap(), lap(t))) {
      t = s_->tail.load();
      continue;
    }
    if (s_->tail.compare_exchange_strong(t, t + 1)) ++t;
  }
}

template <class Word>
typename BasicRing<Word>::Head BasicRing<Word>::front() {
  std::uint64_t h = s_->head.load();
  for (Steps step(mask_);; step()) {
    const Cell seen{cell(h).load()};
    if (seen.lap() == lap(h) && seen.content() == sealed_mark) return {Front::sealed, 0, h, seen.bits};
    if (seen.lap() == lap(h) && seen.content() != 0) return {Front::block, seen.content() - 1, h, seen.bits};
    if (before(lap(h), seen.lap())) {  // passed already
      if (s_->head.compare_exchange_strong(h, h + 1)) ++h;
      continue;
    }
    const auto again = s_->head.load();
    if (again == h) return {Front::empty, 0, h, seen.bits};
    h = again;
  }
}

template <class Word>
void BasicRing<Word>::pass(const Head& head) {
  auto seen = head.cell;
  cell(head.at).compare_exchange_strong(seen, Cell::make(lap(head.at) + 1, 0).bits);
  auto at = head.at;
  s_->head.compare_exchange_strong(at, at + 1);
}

template <class Word>
void BasicRing<Word>::help_tail() {
  for (Steps step(mask_);; step()) {
    std::uint64_t t = s_->tail.load();
    const Cell seen{cell(t).load()};
    const bool here = seen.lap() == lap(t);
    if ((here && (seen.content() == 0 || seen.content() == sealed_mark)) || before(seen.lap(), lap(t))) {
      if (s_->tail.load() == t) return;
      continue;
    }
    s_->tail.compare_exchange_strong(t, t + 1);
  }
}

template <class Word>
void BasicRing<Word>::clear(const Named& named) {
  auto seen = named.cell;
  s_->cells[named.index].compare_exchange_strong(seen, Cell::make(Cell{seen}.lap() + 1, 0).bits);
}

}  // namespace brood::channel
