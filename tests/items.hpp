#pragma once
// What the tests of maps send, what they expect, and how many go together.

#include <brood/call_options.hpp>
#include <numeric>
#include <vector>

namespace items {

/// Of any int, by what unsigned ones do.
inline int square(int n) { return static_cast<int>(static_cast<unsigned>(n) * static_cast<unsigned>(n)); }

/// 0, 1, 2, ... n - 1.
inline std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}
inline std::vector<int> squares(int n) {
  auto all = numbers(n);
  for (int& each : all) each = square(each);
  return all;
}

/// 0: as measured.
inline brood::CallOptions chunks_of(int size) {
  brood::CallOptions all;
  if (size != 0) all.chunksize = size;
  return all;
}

}  // namespace items
