#include "channel/blocks.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <brood/errors.hpp>
#include <cstring>
#include <string>
#include <utility>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "arena/references.hpp"
#include "base/copied.hpp"
#include "base/planted.hpp"
#include "base/scope.hpp"
#include "channel/growing.hpp"
#include "channel/known_run.hpp"

namespace brood::channel {
namespace {

constexpr std::uint32_t index_bits = 28;
constexpr std::uint32_t index_mask = (1U << index_bits) - 1;

// Where this thread last looked for a free block. A queue frees its blocks in the order in which they were
// filled, so the next one in turn is nearly always free. Only a hint, shared by all queues that hash to the
// same entry.
struct Cursor {
  static constexpr std::uint32_t anywhere = ~0U;

  std::uint64_t object = 0;
  std::uint32_t generation = 0;  // of the object: another one may be at its place by now
  std::uint32_t next = anywhere;
  std::uint32_t blocks = 0;  // number of blocks when it last wrapped around
};
thread_local std::array<Cursor, 64> cursors;

// A random number below `limit`. Threads draw different ones: if all began at the first block, short-lived
// writers would run into the values of those before them.
std::uint32_t random_below(std::uint32_t limit) {
  static std::atomic<std::uint64_t> threads{0};
  thread_local std::uint64_t state =
      (static_cast<std::uint64_t>(arena::self_member()) << 32 | ++threads) * 0x9e3779b97f4a7c15U;
  // xorshift64 (Marsaglia, 2003), and the multiplication instead of a division (Lemire, 2019).
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<std::uint32_t>((state >> 32) * limit >> 32);
}

Cursor& cursor_of(std::uint64_t object, std::uint32_t generation, std::uint32_t size_class) {
  auto& cursor = cursors[(object / arena::chunk_size * size_classes + size_class) % cursors.size()];
  if (cursor.object != object + size_class || cursor.generation != generation)
    cursor = {object + size_class, generation, Cursor::anywhere, 0};
  return cursor;
}

}  // namespace

namespace {
// Caches the quotient: a Shape is made for each operation, and the division takes as long as the rest of it.
std::uint32_t blocks_in_a_chunk(std::uint32_t block_size) {
  struct Known {
    std::uint32_t block_size, blocks;
  };
  static thread_local constinit Known known{64, arena::chunk_size / 64};
  if (known.block_size != block_size) {
    known = {block_size, static_cast<std::uint32_t>(arena::chunk_size) / block_size};
  }
  return known.blocks;
}
}  // namespace

Shape::Shape(std::uint64_t most, std::uint32_t words, std::uint32_t smallest_block)
    : max_size(most),
      value_words(words),
      block_size{smallest_block, 1024, 8192, 32768},
      first_group{blocks_in_a_chunk(smallest_block), arena::chunk_size / 1024, arena::chunk_size / 8192,
                  arena::chunk_size / 32768} {}

Shape Shape::for_values(std::uint64_t max_size, std::size_t size_hint) {
  const auto fitting = (Block::head_size + std::max<std::size_t>(size_hint, 40) + 63) / 64 * 64;
  const auto words = (size_hint + sizeof(Word64) - 1) / sizeof(Word64);
  return {max_size, static_cast<std::uint32_t>(words <= most_solo_words ? words : 0),
          static_cast<std::uint32_t>(fitting <= 32768 ? fitting : 64)};
}

Shape Shape::of(const QueueObject& queue) {
  const auto smallest = copied(queue.smallest_block);
  const auto words = copied(queue.value_words);
  if (smallest < 64 || smallest > 32768 || smallest % 64 != 0 || words > most_solo_words) {
    throw DecodeError("a queue has been overwritten; it cannot be used any more");
  }
  return {copied(queue.max_size), words, smallest};
}

// Groups double: the first g of them hold first * (2^g - 1) blocks.
Block& Blocks::at(std::uint32_t block) {
  const auto size_class = block >> index_bits;
  const auto index = block & index_mask;
  if (size_class >= size_classes) throw DecodeError("a queue's ring names a block that cannot be");
  const auto first = shape_.first_group[size_class];
  const auto group = index < first ? 0 : static_cast<std::uint32_t>(std::bit_width(index / first + 1) - 1);
  const auto within = index - first * ((1U << group) - 1);
  std::byte* const blocks = group_at(size_class, group);
  if (blocks == nullptr) throw DecodeError("a queue's ring names a block that cannot be");
  return *reinterpret_cast<Block*>(blocks + std::size_t{within} * shape_.block_size[size_class]);
}

// The address of a group's blocks; null when there is no group, or its word names no run of that length.
std::byte* Blocks::group_at(std::uint32_t size_class, std::uint32_t group) const {
  if (group >= max_groups) return nullptr;
  // acquire: pairs with the exchange in grow(), so the heads of the blocks are seen zeroed.
  const arena::Place place{q_.groups[size_class][group].load(std::memory_order_acquire)};
  if (!place.is_run()) return nullptr;
  return known_run(place,
                   (std::size_t{shape_.first_group[size_class]} << group) * shape_.block_size[size_class]);
}

std::uint32_t Blocks::blocks_in(std::uint32_t size_class) const {
  std::uint32_t n = 0;
  for (std::uint32_t g = 0; group_at(size_class, g) != nullptr; ++g) {
    n += shape_.first_group[size_class] << g;
  }
  return std::min(n, index_mask);
}

bool Blocks::try_take(Block& block, std::uint32_t me) {
  // relaxed: only a first look; the exchange decides, and orders what follows.
  BlockWord seen{block.word.load(std::memory_order_relaxed)};
  return seen.phase() == Phase::free &&
         block.word.compare_exchange_strong(seen.bits, seen.to(Phase::filling, me).bits);
}

// Adds the group that follows the first `blocks` blocks, unless another thread has done so meanwhile; its
// first block has the index `blocks`.
void Blocks::grow(std::uint32_t size_class, std::uint32_t blocks, std::uint32_t me) {
  const auto first_group = shape_.first_group[size_class];
  const auto g = static_cast<std::uint32_t>(std::bit_width(blocks / first_group + 1) - 1);
  const std::uint64_t count = std::uint64_t{first_group} << g;
  if (g >= max_groups || blocks + count > index_mask)
    throw NoMemory("a queue has grown to its limit of blocks");
  if (group_at(size_class, g) != nullptr) return;
  const std::uint32_t size = shape_.block_size[size_class];
  const Growing alone(q_.growing, me, count * size);
  auto& group = q_.groups[size_class][g];
  std::uint64_t none = group.load();
  if (none != 0 && group_at(size_class, g) != nullptr) return;
  const arena::Run run = arena::allocate(count * size);
  std::byte* at = arena::all_of(run.offset, count * size);
  for (std::uint64_t i = 0; i < count; ++i) std::memset(at + i * size, 0, Block::head_size);
  if (group.compare_exchange_strong(none, run.place().bits))
    arena::adopt(run);
  else
    arena::free(run);
}

// Tries the next blocks in turn, because a queue frees its blocks in that order; then a random sample of all.
// When none of the sample is free, most blocks are in use, and only then does the queue grow: with half of
// the blocks free, wherever they are, that happens once in 2^48 times. So the queue's memory follows the
// number of its values, however many threads come and go, and when half of the blocks are free, one is found
// after two draws on average.
Blocks::Numbered Blocks::take_free(std::uint32_t size_class, std::uint32_t me) {
  constexpr std::uint32_t in_turn = 16, sample = 48;
  auto& cursor = cursor_of(object_, copied(q_.generation), size_class);
  const std::uint32_t tag = size_class << index_bits;
  for (;;) {
    for (std::uint32_t tried = 0; tried < in_turn + sample; ++tried) {
      if (cursor.next >= cursor.blocks) {
        cursor.blocks = blocks_in(size_class);
        if (cursor.blocks == 0) break;
        cursor.next =
            cursor.next == Cursor::anywhere ? random_below(cursor.blocks) : cursor.next % cursor.blocks;
      }
      if (tried == in_turn) cursor.blocks = blocks_in(size_class);
      if (tried >= in_turn) cursor.next = random_below(cursor.blocks);
      const std::uint32_t index = cursor.next++;
      Block& block = at(tag | index);
      if (try_take(block, me)) return {block, tag | index};
    }
    grow(size_class, cursor.blocks, me);
    cursor.next = std::exchange(cursor.blocks, 0);
  }
}

Content Blocks::measure(const detail::EncodeValue& value) const {
  if (value.size_hint != 0) return Content::make(value.size_hint, 0);
  Writer measure(nullptr, 0);
  value.encode(measure, value.value);
  if (measure.handles().size() > Content::most_names) {
    throw UsageError("a value in a queue may name at most " + std::to_string(Content::most_names) +
                     " queues, not " + std::to_string(measure.handles().size()) + "; put them one by one");
  }
  return Content::make(measure.written(), measure.handles().size());
}

void Blocks::write(Block& block, std::size_t capacity, const detail::EncodeValue& value, Content content) {
  const auto size = static_cast<std::size_t>(content.all());
  std::byte* to = block.data;
  arena::Run run;
  if (size > capacity) {
    run = arena::allocate(size);
    to = arena::all_of(run.offset, size);
    const RunName name{run.offset, run.generation};
    std::memcpy(block.data, &name, sizeof name);
    capacity = size;
  }
  Writer writer(to, capacity);
  try {
    value.encode(writer, value.value);
    if (writer.written() != content.bytes() || writer.handles().size() != content.names())
      throw UsageError("a Codec wrote the same value twice in different ways");
  } catch (...) {
    arena::free(run);
    throw;
  }
  const detail::Names names = writer.handles();
  detail::write_names(writer, names);
  // Only now: a length that says "in a run" must be accompanied by the name of one.
  block.content = content;
  if (run) arena::adopt(run);
  for (std::size_t i = 0; i < names.size(); ++i) {
    arena::count_in(names[i], block.names_counted, static_cast<std::uint32_t>(i + 1));
  }
}

std::uint32_t Blocks::fill(const detail::EncodeValue& value, std::uint32_t me) {
  const Content content = measure(value);
  std::uint32_t size_class = 0;
  while (size_class + 1 < size_classes && room(size_class) < content.all()) ++size_class;
  if (room(size_class) < content.all()) size_class = 0;  // the value goes into a run of its own
  const auto [b, block] = take_free(size_class, me);
  const BlockWord word{b.word.load(std::memory_order_relaxed)};
  if (planted("complete_before_written")) b.word.store(word.to(Phase::complete, me).bits);
  try {
    write(b, room(size_class), value, content);
  } catch (...) {
    drop(block);
    throw;
  }
  // release: a reader that sees the block complete sees the value.
  b.word.store(word.to(Phase::complete, me).bits, std::memory_order_release);
  return block;
}

namespace {
RunName run_of(const Block& block) {
  RunName name;
  std::memcpy(&name, block.data, sizeof name);
  return name;
}
}  // namespace

Blocks::Bytes Blocks::bytes_of(const Block& b, std::uint32_t block) const {
  const Content content{copied(b.content.bits)};
  if (content.all() <= room(block >> index_bits)) return {b.data, content};
  const auto name = run_of(b);
  const arena::Run run{name.offset, static_cast<std::uint32_t>(name.generation)};
  if (arena::size_of(run) < content.all()) throw DecodeError("a value in a queue has lost its memory");
  return {arena::all_of(run.offset, content.all()), content};
}

detail::Names Blocks::names_in(const Bytes& bytes) const {
  return detail::names_behind(bytes.at + bytes.content.bytes(), bytes.content.names());
}

// The value is decoded in place, where other processes can write: a Reader reads no byte twice.
void Blocks::take(std::uint32_t block, const detail::DecodeValue& value) {
  Block& b = at(block);
  // Drops the block on every way out: a value that cannot be decoded is lost, and the caller gets the
  // exception.
  const OnExit commit([&] { drop(block); });
  const Bytes bytes = bytes_of(b, block);
  Reader from(bytes.at, static_cast<std::size_t>(bytes.content.bytes()));
  value.decode(from, value.to);
}

void Blocks::drop(std::uint32_t block) noexcept {
  try {
    Block& b = at(block);
    const OnExit commit([&] { release(b, block); });
    leave(b);
    if (const auto counted = b.names_counted.load(); counted != 0) {
      const auto names = names_in(bytes_of(b, block));
      for (auto i = std::min<std::size_t>(counted, names.size()); i-- > 0;) {
        arena::count_out(names[i], b.names_counted, static_cast<std::uint32_t>(i));
      }
    }
  } catch (const std::exception&) {  // its memory was overwritten, and the names with it
  }
}

// Commits that nobody will take the value any more. Until then, killing this process returns the value to the
// queue, so nothing of it may be cleared earlier.
void Blocks::leave(Block& b) noexcept {
  if (planted("cleared_before_left")) return;
  const BlockWord word{b.word.load(std::memory_order_relaxed)};
  b.word.store(word.to(Phase::emptied, word.owner()).bits, std::memory_order_relaxed);
}

void Blocks::release(Block& b, std::uint32_t block) noexcept {
  if (Content{copied(b.content.bits)}.all() > room(block >> index_bits)) {
    const auto name = run_of(b);
    arena::free({name.offset, static_cast<std::uint32_t>(name.generation)});
  }
  // release: a process that sees one of them cleared also sees the word as it was left.
  std::atomic_ref(b.content.bits).store(0, std::memory_order_release);
  b.names_counted.store(0, std::memory_order_release);
  const BlockWord word{b.word.load(std::memory_order_relaxed)};
  // release: orders our reads before the next owner's writes.
  b.word.store(word.freed().bits, std::memory_order_release);
}

void Blocks::for_each_of(std::uint32_t owner, FunctionRef<void(std::uint32_t, BlockWord)> f) {
  for (std::uint32_t c = 0; c < size_classes; ++c) {
    for (std::uint32_t g = 0, index = 0; index < index_mask; ++g) {
      const std::byte* const blocks = group_at(c, g);
      if (blocks == nullptr) break;
      const std::uint32_t n = shape_.first_group[c] << g;
      for (std::uint32_t i = 0; i < n; ++i, ++index) {
        const auto* block = reinterpret_cast<const Block*>(blocks + std::size_t{i} * shape_.block_size[c]);
        const BlockWord word{block->word.load()};
        if (word.phase() != Phase::free && word.owner() == owner) f(c << index_bits | index, word);
      }
    }
  }
}

void Blocks::adopt_all() {
  for (auto& groups : q_.groups) {
    for (auto& group : groups) {
      if (const arena::Place place{group.load()}; place.is_run()) arena::adopt(arena::Run::at(place));
    }
  }
}

void Blocks::free_all() {
  for (std::uint32_t c = 0; c < size_classes; ++c) {
    const auto n = blocks_in(c);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t block = c << index_bits | i;
      if (BlockWord{at(block).word.load()}.phase() != Phase::free) drop(block);
    }
    for (auto& group : q_.groups[c]) {
      if (const arena::Place place{group.load()}; place.is_run()) arena::free(arena::Run::at(place));
    }
  }
}

}  // namespace brood::channel
