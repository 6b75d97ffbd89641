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

std::uint64_t now_in_nanoseconds() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(since).count());
}

}  // namespace

std::size_t ChunkLayout::size(const MapTypes& types, std::size_t items, std::size_t encoded) {
  return items_at(types, items) + (types.item_size != 0 ? items * types.item_size : encoded);
}

ChunkLayout::ChunkLayout(const MapTypes& types, const SharedBlock& block, std::uint64_t items) {
  if (items > block.size() || size(types, items, 0) > block.size()) {
    throw DecodeError("a chunk of a map does not fit the block of its items");
  }
  states_ = block.data();
  results_ = states_ + results_at(items);
  starts_ = states_ + starts_at(types, items);
  items_ = states_ + items_at(types, items);
  end_ = states_ + block.size();
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

SeldomLook::SeldomLook() : begin_(now_in_nanoseconds()), seen_(begin_) {}

bool SeldomLook::look(std::uint64_t nanoseconds) {
  const auto now = now_in_nanoseconds();
  if (nanoseconds != 0 && now - begin_ > nanoseconds) return true;
  stride_ = now - seen_ < 2000 ? std::min<std::uint64_t>(stride_ * 2, 256) : 1;
  left_ = stride_;
  seen_ = now;
  return false;
}

std::uint64_t SeldomLook::spent() const { return now_in_nanoseconds() - begin_; }

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
