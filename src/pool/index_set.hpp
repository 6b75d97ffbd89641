#pragma once
// A set of small numbers for frequent iteration: the cost depends on its members, not on its capacity.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brood::pool {

class IndexSet {
 public:
  IndexSet() = default;
  /// Makes a set for numbers below n.
  explicit IndexSet(std::size_t n) : words_((n + 63) / 64) {}

  void add(std::size_t i) { words_[i / 64] |= bit(i); }
  void remove(std::size_t i) { words_[i / 64] &= ~bit(i); }

  /// Calls f for each member in ascending order. f may remove the one it is given.
  template <class F>
  void each(F f) const {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      for (auto left = words_[w]; left != 0; left &= left - 1)
        f(w * 64 + static_cast<std::size_t>(std::countr_zero(left)));
    }
  }

 private:
  static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << (i % 64); }

  std::vector<std::uint64_t> words_;
};

}  // namespace brood::pool
