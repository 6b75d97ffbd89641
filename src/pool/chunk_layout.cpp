#include <algorithm>
#include <brood/detail/chunk_layout.hpp>
#include <chrono>
#include <limits>

namespace brood::detail {

namespace {

std::size_t results_at(std::size_t items) { return whole_lines(items); }
std::size_t starts_at(const MapTypes& types, std::size_t items) {
  return results_at(items) + whole_lines(items * types.result_size);
}
std::size_t items_at(const MapTypes& types, std::size_t items) {
  return starts_at(types, items) + (types.item_size != 0 ? 0 : whole_lines(items * sizeof(std::uint64_t)));
}

}  // namespace

std::size_t ChunkLayout::size(const MapTypes& types, std::size_t items, std::size_t encoded) {
  return items_at(types, items) + (types.item_size != 0 ? items * types.item_size : encoded);
}

ChunkLayout::Rows ChunkLayout::rows_of(const MapTypes& types, const SharedBlock& block, std::uint64_t items) {
  if (items > block.size() || size(types, items, 0) > block.size()) {
    throw DecodeError("a chunk of a map does not fit the block of its items");
  }
  std::byte* const states = block.data();
  return {states, states + results_at(items), states + starts_at(types, items),
          states + items_at(types, items), states + block.size()};
}

std::size_t ChunkLayout::first_not_done(std::size_t from, std::size_t end) const {
  while (from != end && state(from).load(std::memory_order_acquire) == ItemState::done) ++from;
  return from;
}

void ChunkLayout::item_overwritten() { throw DecodeError("an item of a map has been overwritten"); }

ResultRow::ResultRow(const SharedBlock& block, std::uint64_t items)
    : base_(block.data()), begin_(size(items, 0)), size_(block.size()) {
  if (items > block.size() || begin_ > size_) {
    throw DecodeError("a chunk of a map does not fit the block of its results");
  }
}

bool ResultRow::note(std::size_t i, const Writer& written) {
  if (!written.fits() || !written.handles().empty()) return false;
  const auto all = used_ + written.written();
  if (all > std::numeric_limits<End>::max()) return false;
  used_ = all;
  const auto end = static_cast<End>(all);
  std::memcpy(base_ + i * sizeof end, &end, sizeof end);
  return true;
}

std::span<const std::byte> ResultRow::get(std::size_t i) const {
  const auto begin = i == 0 ? 0 : end_of(i - 1);
  const auto end = end_of(i);
  if (begin > end || end > size_ - begin_) throw DecodeError("a result of a map has been overwritten");
  return {base_ + begin_ + begin, end - begin};
}

std::size_t ResultRow::end_of(std::size_t i) const {
  End end = 0;
  std::memcpy(&end, base_ + i * sizeof end, sizeof end);
  return end;
}

std::uint64_t SeldomLook::now_in_nanoseconds() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(since).count());
}

void ChunkTask::write(Writer& to, const MapTypes& types) const {
  to.value(items);
  to.value(chunk);
  if (!types.in_rows) to.value(results);
}

ChunkTask ChunkTask::read(Reader& from, const MapTypes& types) {
  ChunkTask task;
  task.items = from.value<SharedBlock>();
  task.chunk = from.value<Chunk>();
  if (!types.in_rows) task.results = from.value<SharedBlock>();
  const Chunk& chunk = task.chunk;
  if (chunk.first > chunk.all || chunk.count > chunk.all - chunk.first)
    throw DecodeError("a chunk of a map names items that it does not have");
  return task;
}

}  // namespace brood::detail
