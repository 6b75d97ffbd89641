#pragma once
// Dice that fall alike on every machine: the plan follows from the seed alone.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace storm {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  /// Of a seed and a number: dice of their own for each round, client, task.
  Dice(std::uint64_t seed, std::uint64_t number) : state_(seed ^ (number + 1) * 0x9e3779b97f4a7c15U) {
    (*this)();
  }

  std::uint64_t operator()() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : (*this)() % n; }
  std::uint32_t between(std::uint32_t a, std::uint32_t b) {
    return a + static_cast<std::uint32_t>(below(b - a + 1));
  }
  bool chance(unsigned percent) { return below(100) < percent; }
  /// Small more often than large, up to `most`.
  std::uint32_t skewed(std::uint32_t most) {
    const auto limit = most >> below(std::bit_width(most) + 1U);
    return static_cast<std::uint32_t>(below(std::uint64_t{limit} + 1));
  }
  /// One of the rows of a table, by their `weight`.
  template <class Rows>
  std::size_t row_of(const Rows& rows) {
    std::uint64_t sum = 0;
    for (const auto& row : rows) sum += row.weight;
    auto at = below(sum);
    for (std::size_t i = 0;; ++i) {
      if (at < rows[i].weight) return i;
      at -= rows[i].weight;
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace storm
