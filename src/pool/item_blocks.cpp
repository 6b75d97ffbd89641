#include "pool/item_blocks.hpp"

#include <algorithm>
#include <utility>

namespace brood::detail {

namespace {

// Four usual blocks for plain items that are already in memory, so that a worker is woken only once for some
// ten thousand of the smallest items.
constexpr std::size_t most_bytes_plain = (std::size_t{256} << 10) - 64;
constexpr std::uint64_t most_reading = 250'000;  // nanoseconds
constexpr std::size_t least_staged = 4096;

}  // namespace

void ItemBlock::make_room(std::size_t bytes, std::size_t count) {
  if (memory.size() < bytes) {
    memory = SharedBlock();  // frees the old block first, so that its place can be reused
    memory = SharedBlock(std::max(bytes, usual_block));
  }
  items = count;
  std::memset(memory.data(), 0, count);
}

void ItemBlock::hold(std::size_t item, const Names& its_names) {
  if (its_names.empty()) return;
  held.add(HeldNames::of(its_names));
  for (const auto object : its_names) names.push_back({item, object});
}

std::span<const ItemName> BlockPart::names() const {
  const auto& all = block->names;
  const auto from = std::ranges::lower_bound(all, first, {}, &ItemName::item);
  const auto to = std::ranges::lower_bound(all, first + count, {}, &ItemName::item);
  return {from, to};
}

BlockPart BlockPart::take(std::size_t n) {
  BlockPart part{block, first, std::min(count, n)};
  pass(part.count);
  return part;
}

void EncodedItems::begin(ItemBlock& block) {
  block_ = &block;
  starts_.clear();
  is_alone_ = false;
  used_ = 0;
  room_ = staged_.data();
  size_ = staged_.size();
}

EncodedItems::Added EncodedItems::add(const Writer& item) {
  const auto size = item.written();
  if (!is_alone_ && !fits(size)) {
    if (!starts_.empty()) return Added::full;
    block_->make_room(ChunkLayout::size(types_, 1, size), 1);
    const ChunkLayout layout(types_, block_->memory, 1);
    layout.set_start(0, 0);
    is_alone_ = true;
    room_ = layout.items();
    size_ = size;
    return Added::again;
  }
  if (!is_alone_ && !item.fits()) {
    staged_.resize(std::max({least_staged, 2 * staged_.size(), used_ + size}));
    room_ = staged_.data();
    size_ = staged_.size();
    return Added::again;
  }
  if (!item.handles().empty()) block_->hold(starts_.size(), item.handles());
  starts_.push_back(used_);
  used_ += size;
  return is_alone_ ? Added::last : Added::yes;
}

void EncodedItems::end() {
  if (is_alone_ || starts_.empty()) return;
  const auto count = starts_.size();
  block_->make_room(ChunkLayout::size(types_, count, used_), count);
  const ChunkLayout layout(types_, block_->memory, count);
  for (std::size_t i = 0; i != count; ++i) layout.set_start(i, starts_[i]);
  std::memcpy(layout.items(), staged_.data(), used_);
}

// True when an item of this size fits beside those already encoded.
bool EncodedItems::fits(std::size_t size) const {
  const auto before = starts_.size();
  // A quick test with a bound that ignores how rows are rounded up.
  if ((before + 1) * (9 + types_.result_size) + 3 * 64 + used_ + size <= usual_block) return true;
  const bool in_chunk = chunksize_ != 0 && (before == 0 || before % chunksize_ != 0);
  return in_chunk || ChunkLayout::size(types_, before + 1, used_ + size) <= usual_block;
}

BlockPart ItemBlocks::lay_out(std::size_t n) {
  if (n == 0 || broken_) return {};
  BlockPart part{take_block(), 0, 0};
  try {
    if (types_.item_size != 0)
      lay_out_plain(part, n);
    else
      lay_out_encoded(part, n);
  } catch (...) {
    broken_ = std::current_exception();
  }
  if (part.count == 0) {
    give_free(std::move(part.block));
    return part;
  }
  part.block->before = read_;
  read_ += part.count;
  last_size_ = part.count;
  return part;
}

BlockPart ItemBlocks::lay_out_block() {
  if (types_.item_size == 0 || plan_.chunksize == 0) return lay_out(ItemReader::unknown);
  return lay_out(std::max<std::size_t>(1, plain_in(most_bytes_plain) / plan_.chunksize) * plan_.chunksize);
}

bool ItemBlocks::has_more() {
  try {
    return !broken_ && items_.has_more();
  } catch (...) {
    broken_ = std::current_exception();
    return false;
  }
}

void ItemBlocks::close() {
  items_.close();
  is_closed_ = true;
}

void ItemBlocks::give_free(std::shared_ptr<ItemBlock> block) {
  if (block.use_count() != 1 || is_closed_) return;
  block->names.clear();
  block->held = HeldNames();
  free_.push_back(std::move(block));
}

// The number of plain items that fit; three rows begin at multiples of 64.
std::size_t ItemBlocks::plain_in(std::size_t bytes) const {
  return std::max<std::size_t>(1, (bytes - 3 * 64) / (types_.item_size + types_.result_size + 1));
}

std::uint64_t ItemBlocks::reading_time() const {
  return plan_.lazy && plan_.chunksize == 0 ? most_reading : 0;
}

void ItemBlocks::lay_out_plain(BlockPart& part, std::size_t n) {
  if (plan_.chunksize == 0) n = std::min(n, plain_in(plan_.lazy ? usual_block : most_bytes_plain));
  // A range may report a size below its real one.
  if (const auto left = items_.left(); left != ItemReader::unknown)
    n = std::min(n, std::max<std::size_t>(1, left));
  if (!items_.has_more()) return;
  part.block->make_room(ChunkLayout::size(types_, n, 0), n);
  const ChunkLayout layout(types_, part.block->memory, n);
  items_.copy(layout.items(), n, reading_time(), part.count);
}

void ItemBlocks::lay_out_encoded(BlockPart& part, std::size_t n) {
  encoded_.begin(*part.block);
  try {
    items_.encode(encoded_, n, reading_time());
  } catch (...) {  // reported after the results of the items before it
    broken_ = std::current_exception();
  }
  encoded_.end();
  part.count = encoded_.count();
}

std::shared_ptr<ItemBlock> ItemBlocks::take_block() {
  if (free_.empty()) return std::make_shared<ItemBlock>();
  auto block = std::move(free_.back());
  free_.pop_back();
  return block;
}

}  // namespace brood::detail
