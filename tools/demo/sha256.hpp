#pragma once
// SHA-256 (FIPS 180-4): work that is the processor's alone, and that `sha256sum -c` can check.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

class Sha256 {
 public:
  void add(std::span<const unsigned char> bytes) {
    size_ += bytes.size();
    for (const unsigned char byte : bytes) {
      block_[used_++] = byte;
      if (used_ == block_.size()) mix();
    }
  }

  /// Ends the message and returns its sum, in hexadecimal digits.
  std::string text() {
    const std::uint64_t bits = size_ * 8;
    block_[used_++] = 0x80;
    if (used_ > 56) pad_to(64);
    pad_to(56);
    for (int shift = 56; shift >= 0; shift -= 8) block_[used_++] = static_cast<unsigned char>(bits >> shift);
    mix();
    std::string digits;
    for (const std::uint32_t word : state_) {
      for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[word >> shift & 15];
    }
    return digits;
  }

 private:
  using Words = std::array<std::uint32_t, 64>;

  void pad_to(std::size_t end) {
    while (used_ < end) block_[used_++] = 0;
    if (used_ == block_.size()) mix();
  }

  static std::uint32_t turn(std::uint32_t x, int n) { return x >> n | x << (32 - n); }

  void mix() {
    static const Words key = cube_roots();
    Words w;
    for (std::size_t i = 0; i < 16; ++i) {
      w[i] = std::uint32_t{block_[4 * i]} << 24 | std::uint32_t{block_[4 * i + 1]} << 16 |
             std::uint32_t{block_[4 * i + 2]} << 8 | block_[4 * i + 3];
    }
    for (std::size_t i = 16; i < 64; ++i) {
      w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
             (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < 64; ++i) {
      const auto t = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + key[i] + w[i];
      const auto u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + u;
    }
    const std::array<std::uint32_t, 8> more{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += more[i];
    used_ = 0;
  }

  // The first 32 bits of the fractions of the cube roots of the first 64 primes: floor(cbrt(p * 2^96)).
  static Words cube_roots() {
    Words words{};
    std::size_t n = 0;
    for (unsigned p = 2; n < words.size(); ++p) {
      bool prime = true;
      for (unsigned d = 2; d * d <= p; ++d) prime = prime && p % d != 0;
      if (prime) words[n++] = static_cast<std::uint32_t>(cube_root(p));
    }
    return words;
  }
  static std::uint64_t cube_root(unsigned p) {
    __extension__ using Wide = unsigned __int128;
    const Wide wanted = Wide{p} << 96;
    std::uint64_t root = 0;
    for (int bit = 35; bit >= 0; --bit) {
      const std::uint64_t next = root | std::uint64_t{1} << bit;
      if (Wide{next} * next * next <= wanted) root = next;
    }
    return root;
  }

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> block_{};
  std::size_t used_ = 0;
  std::uint64_t size_ = 0;
};
