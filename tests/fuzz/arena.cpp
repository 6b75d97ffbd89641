#include "arena.hpp"

#include <brood/queue.hpp>
#include <cstring>
#include <vector>

#include "arena/layout.hpp"
#include "platform/memory.hpp"

namespace fuzz {

namespace {

constexpr std::size_t bytes_in_all = 4 << 20;
constexpr std::size_t chunks_zeroed = 24;

std::size_t chunks_at() {
  const auto end = reinterpret_cast<std::byte*>(brood::arena::members() + brood::arena::most_members());
  const auto words = (static_cast<std::size_t>(end - brood::arena::at(0, 0)) + 4095) / 4096 * 4096;
  return (words + 512 + brood::arena::chunk_size - 1) / brood::arena::chunk_size * brood::arena::chunk_size;
}

std::vector<std::byte> make_books() {
  brood::arena::set_maker(nullptr);  // an arena without the program that it belongs to
  brood::arena::create({.bytes = bytes_in_all, .members = 8});
  { const brood::Queue<int> first; }  // this process is a member and has its ledger
  const auto all = books();
  return {all.begin(), all.end()};
}

}  // namespace

std::span<std::byte> books() {
  const auto size = chunks_at();
  return {brood::arena::at(0, size), size};
}

void renew_arena() {
  static const std::vector<std::byte> as_new = make_books();
  std::memcpy(brood::arena::at(0, 0), as_new.data(), as_new.size());
  std::memset(brood::arena::at(chunks_at(), chunks_zeroed * brood::arena::chunk_size), 0,
              chunks_zeroed * brood::arena::chunk_size);
}

void write_noise(std::span<std::byte> over, Bytes& from) {
  if (over.size() < 8) return;
  const auto at = std::size_t{from.next<std::uint16_t>()} * 8 % (over.size() / 8 * 8);
  const auto how = from.byte();
  std::uint64_t word = 0;
  std::memcpy(&word, over.data() + at, 8);
  switch (how % 5) {
    case 0:
      word = from.byte();
      break;
    case 1:
      word = from.next<std::uint64_t>();
      break;
    case 2:
      word ^= std::uint64_t{1} << (from.byte() % 64);
      break;
    case 3:
      word += std::uint64_t{from.byte()} << (how / 5 % 57);
      break;
    default:
      std::memcpy(&word, over.data() + std::size_t{from.next<std::uint16_t>()} * 8 % (over.size() / 8 * 8),
                  8);
  }
  std::memcpy(over.data() + at, &word, 8);
}

}  // namespace fuzz
