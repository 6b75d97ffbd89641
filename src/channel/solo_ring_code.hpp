#pragma once
// The implementation of solo_ring.hpp, in a file of its own so that a test can instantiate it with another
// Word.

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/planted.hpp"
#include "channel/ring.hpp"
#include "channel/solo_ring.hpp"

namespace brood::channel {

// A reader may copy a value while the writer already refills its cell, a lap ahead: then another reader has
// taken the value, the compare-and-swap fails, and the copy is discarded. Until the compare-and-swap succeeds
// the copy is not trusted, like everything that other processes can write. Copying two words at a time is the
// measured optimum: single words, and the widest vectors, which straddle cache lines, both take twice as long
// under contention for the lines.
#ifdef __SANITIZE_THREAD__
inline constexpr bool copies_pairs = false;
#else
inline constexpr bool copies_pairs = true;
#endif
template <class Word>
void copy_in(Word* to, const std::uint64_t* from, std::uint32_t n) {
  std::uint32_t i = 0;
  if constexpr (copies_pairs && std::is_same_v<Word, Word64>) {
    for (; i + 2 <= n; i += 2) std::memcpy(static_cast<void*>(to + i), from + i, 16);
  }
  for (; i < n; ++i) to[i].store(from[i], std::memory_order_relaxed);
}
template <class Word>
void copy_out(std::uint64_t* to, const Word* from, std::uint32_t n) {
  std::uint32_t i = 0;
  if constexpr (copies_pairs && std::is_same_v<Word, Word64>) {
    for (; i + 2 <= n; i += 2) std::memcpy(to + i, static_cast<const void*>(from + i), 16);
  }
  for (; i < n; ++i) to[i] = from[i].load(std::memory_order_relaxed);
}

template <class Word>
bool BasicSoloRing<Word>::claim(std::uint64_t thread) {
  std::uint64_t seen = 0;
  return s_->writer.compare_exchange_strong(seen, thread) || seen == thread;
}

template <class Word>
void BasicSoloRing<Word>::release(std::uint32_t member) {
  std::uint64_t seen = s_->writer.load();
  if (seen >> 32 == member) s_->writer.compare_exchange_strong(seen, 0);
}

template <class Word>
inline bool BasicSoloRing<Word>::has_room(Tail& tail, std::uint64_t most) const {
  return tail.at < tail.room || finds_room(tail, most);
}
// Values are taken in order: when one has been taken, so have all before it. Checks a cell some way ahead
// first, so that the writer does not fetch the reader's cells one by one.
template <class Word>
bool BasicSoloRing<Word>::finds_room(Tail& tail, std::uint64_t most) const {
  if (most > mask_) most = mask_;  // one cell always stays free, for the seal
  for (const auto ahead : {most / 2, std::uint64_t{0}}) {
    if (tail.at + ahead < most || is_taken(tail.at + ahead - most)) {
      tail.room = tail.at + ahead + 1;
      return true;
    }
  }
  return false;
}

template <class Word>
template <class Write>
typename BasicSoloRing<Word>::Put BasicSoloRing<Word>::put(Tail& tail, std::uint64_t most, Write write) {
  if (!has_room(tail, most)) return Put::full;
  Word* const to = cell(tail.at);
  auto expected = Cell::make(lap(tail.at), 0).bits;
  // acquire: pairs with the reader's compare-and-swap, so the previous value has been read. From here on no
  // reader trusts these bytes.
  if (to->load(std::memory_order_acquire) != expected) return Put::sealed;
  if (!planted("published_before_written")) write(to + 1);
  // Sequentially consistent, so that sleeping readers are not missed: see EventCount.
  if (!to->compare_exchange_strong(expected, Cell::make(lap(tail.at), full_mark).bits)) return Put::sealed;
  if (planted("published_before_written")) write(to + 1);
  s_->tail.store(++tail.at, std::memory_order_relaxed);
  return Put::done;
}
template <class Word>
typename BasicSoloRing<Word>::Put BasicSoloRing<Word>::put(Tail& tail, const std::uint64_t* value,
                                                           std::uint64_t most) {
  return put(tail, most, [&](Word* to) { copy_in(to, value, words_); });
}

template <class Word>
typename BasicSoloRing<Word>::Get BasicSoloRing<Word>::get(std::uint64_t& head, std::uint64_t* value) {
  for (Steps step(mask_);; step()) {
    Word* const from = cell(head);
    Cell seen{from->load()};
    if (seen.bits == Cell::make(lap(head), full_mark).bits) {
      copy_out(value, from + 1, words_);
      if (!from->compare_exchange_strong(seen.bits, Cell::make(lap(head) + 1, 0).bits)) continue;
      s_->head.store(++head, std::memory_order_relaxed);
      return Get::done;
    }
    if (seen.bits == Cell::make(lap(head), sealed_mark).bits) return Get::sealed;
    if (seen.bits == Cell::make(lap(head), 0).bits) return Get::empty;
    head = std::max(passed(head, seen), s_->head.load(std::memory_order_relaxed));
  }
}

template <class Word>
typename BasicSoloRing<Word>::Get BasicSoloRing<Word>::front() const {
  const auto h = head();
  const Cell seen{cell(h)->load()};
  if (seen.bits == Cell::make(lap(h), 0).bits) return Get::empty;
  return seen.bits == Cell::make(lap(h), sealed_mark).bits ? Get::sealed : Get::done;
}

// The first position that may not have been taken, given that the cell of `at` is in a later lap: everything
// before the cell's last value has been taken. (In an earlier lap: the word is corrupt or `at` is stale; the
// caller looks again.)
template <class Word>
std::uint64_t BasicSoloRing<Word>::passed(std::uint64_t at, Cell seen) const {
  const auto laps = static_cast<std::int32_t>(seen.lap() - lap(at));
  return laps <= 0 ? at : at + (static_cast<std::uint64_t>(laps) - 1) * (mask_ + 1) + 1;
}

template <class Word>
bool BasicSoloRing<Word>::is_taken(std::uint64_t at) const {
  return Cell{cell(at)->load(std::memory_order_acquire)}.lap() != lap(at);
}

template <class Word>
std::uint64_t BasicSoloRing<Word>::head() const {
  std::uint64_t h = s_->head.load();
  for (Steps step(mask_);; step()) {
    const Cell seen{cell(h)->load()};
    if (seen.lap() == lap(h)) return h;
    const auto next = passed(h, seen);
    h = next == h ? s_->head.load() : next;
  }
}

template <class Word>
std::uint64_t BasicSoloRing<Word>::tail() const {
  std::uint64_t t = s_->tail.load();
  for (Steps step(mask_);; step()) {
    const Cell seen{cell(t)->load()};
    if (seen.lap() == lap(t) && seen.content() != full_mark) return t;
    const auto next = seen.lap() == lap(t) ? t + 1 : passed(t, seen);
    t = next == t ? s_->tail.load() : next;
  }
}

template <class Word>
void BasicSoloRing<Word>::seal() {
  for (Steps step(mask_);; step()) {
    const auto t = tail();
    auto expected = Cell::make(lap(t), 0).bits;
    if (cell(t)->compare_exchange_strong(expected, Cell::make(lap(t), sealed_mark).bits)) return;
    if (expected == Cell::make(lap(t), sealed_mark).bits) return;
  }
}

}  // namespace brood::channel
