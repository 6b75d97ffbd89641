#include "arena/prefault.hpp"

#include <atomic>
#include <cstdlib>

#include "arena/layout.hpp"
#include "platform/memory.hpp"

namespace brood::arena {
namespace {

using Word = std::atomic<std::uint64_t>;

// One bit for each chunk whose pages this process has made present.
std::atomic<Word*> present{nullptr};

// The release half of the exchange publishes the zeros to the acquiring load in other threads.
Word* bits_for(std::uint32_t count) {
  Word* seen = present.load(std::memory_order_acquire);
  if (seen != nullptr) return seen;
  // calloc's pages are zero without being touched. Never freed: other threads may be reading them.
  auto* const fresh = static_cast<Word*>(std::calloc(count / 64 + 1, sizeof(Word)));
  if (fresh == nullptr) return nullptr;
  if (present.compare_exchange_strong(seen, fresh)) return fresh;
  std::free(fresh);
  return seen;
}

}  // namespace

void prefault(std::byte* chunks, std::uint32_t count, std::uint64_t begin, std::uint64_t end) {
  Word* const bits = bits_for(count);
  if (bits == nullptr) return;
  // Relaxed: the bits order nothing. Two threads that meet here at worst make pages present twice.
  const auto is_new = [bits](std::uint64_t chunk) {
    Word& word = bits[chunk / 64];
    const auto bit = std::uint64_t{1} << chunk % 64;
    return (word.load(std::memory_order_relaxed) & bit) == 0 &&
           (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
  };
  for (auto i = begin; i < end; ++i) {
    const auto first = i;
    while (i < end && is_new(i)) ++i;
    if (i != first) platform::make_present(chunks + first * chunk_size, (i - first) * chunk_size);
  }
}

void forget_prefaulted() { present = nullptr; }

}  // namespace brood::arena
