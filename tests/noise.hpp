#pragma once
// Noise over memory that processes share: what a wild pointer does, and what nobody would do by mistake.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>

#include "arena/arena.hpp"
#include "pool/lane_layout.hpp"

namespace noise {

using Random = std::mt19937_64;

inline void store(std::byte* at, std::uint64_t word) {
  // As one store: the other side reads it while it is written.
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at)).store(word, std::memory_order_relaxed);
}

/// Any bytes.
inline void bytes(std::span<std::byte> over, Random& random) {
  for (std::size_t i = 0; i + 8 <= over.size(); i += 8) store(over.data() + i, random());
}

/// Some words become another that lies there, a small number, or one a little off: what still looks right.
inline void likely_words(std::span<std::byte> over, Random& random, std::size_t how_many) {
  const std::size_t words = over.size() / 8;
  for (std::size_t n = 0; n < how_many; ++n) {
    std::byte* at = over.data() + 8 * (random() % words);
    std::uint64_t word = 0;
    std::memcpy(&word, over.data() + 8 * (random() % words), 8);
    switch (random() % 6) {
      case 0:
        word = 0;
        break;
      case 1:
        word = random() % 8;
        break;
      case 2:
        word = ~std::uint64_t{0} >> (random() % 64);
        break;
      case 3:
        word ^= std::uint64_t{1} << (random() % 64);
        break;
      case 4:
        word += std::uint64_t{1} << (random() % 40);
        break;
      default:
        break;
    }
    store(at, word);
  }
}

/// A slot that says something a slot can say, or nearly. `places`: offsets in the arena that it may name.
inline void likely_slot(brood::pool::Slot& slot, Random& random, std::span<const std::uint64_t> places) {
  static constexpr std::array<std::uint64_t, 9> sizes{0, 1, 8, 64, 208, 209, 65536, 1ULL << 32, ~0ULL};
  static constexpr std::array<std::uint32_t, 6> counts{0, 1, 2, 25, 26, 0x80000000};
  slot.content = static_cast<brood::pool::Content>(random() % 4);
  slot.size = sizes[random() % sizes.size()];
  slot.thunk = random() % 3 == 0 ? random() : random() % (1 << 20);
  slot.run_offset = random() % 2 == 0 ? 0 : places[random() % places.size()];
  slot.run_generation = random() % 3;
  slot.names = counts[random() % counts.size()];
  for (std::size_t i = 0; i + 8 <= sizeof slot.data; i += 8) {
    store(slot.data + i, random() % 2 == 0 ? places[random() % places.size()] : random() % 64);
  }
  // free to passed, and two that are none.
  slot.state.store(static_cast<std::uint32_t>(random() % 8));
}

inline std::span<std::byte> run_of(brood::arena::Place place) {
  const auto size = place.is_run() ? brood::arena::size_of(brood::arena::Run::at(place)) : 0;
  return size != 0 ? std::span(brood::arena::at(place.offset(), size), size) : std::span<std::byte>();
}

}  // namespace noise
