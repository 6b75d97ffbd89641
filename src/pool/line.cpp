#include "pool/line.hpp"

#include "platform/memory.hpp"

namespace brood::pool {

Pieces::~Pieces() {
  for (auto* each : large_) platform::unmap_large(each, platform::large_page_size);
}

// Allocates small blocks at first, each twice as large as the one before, and large pages for long queues.
void* Pieces::take() {
  constexpr std::size_t first = 32 * 1024, small_ones = 5;
  if (free_ == nullptr && small_.size() < small_ones) {
    const std::size_t size = first << small_.size();
    small_.reserve(small_ones);
    small_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
    platform::make_present(small_.back().get(), size);
    cut(small_.back().get(), size);
  } else if (free_ == nullptr) {
    if (large_.size() == large_.capacity()) large_.reserve(2 * large_.size() + 1);
    large_.push_back(platform::map_large(platform::large_page_size));
    cut(large_.back(), platform::large_page_size);
  }
  Free* const piece = free_;
  free_ = piece->next;
  return piece;
}

void Pieces::cut(std::byte* memory, std::size_t size) {
  for (std::size_t at = size; at != 0; at -= piece_size) give_back(memory + at - piece_size);
}

}  // namespace brood::pool
