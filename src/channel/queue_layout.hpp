#pragma once
// A queue in the arena. Any process may be killed at any instruction of it; src/channel/queue_core.cpp says
// how each word moves.
//
// As long as one thread alone puts small values of one size, they lie in its rings (solo_ring.hpp). Other
// values lie in blocks. A block's word says who has it and how far it is; publishing one is a single
// compare-and-swap of a ring's cell. Rings and groups of blocks are added as the queue grows, each twice as
// long as the one before, and stay until the queue goes: what the old ones cost together is less than the
// newest.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/layout.hpp"
#include "sync/event_count.hpp"

namespace brood::channel {

using Word64 = std::atomic<std::uint64_t>;

inline constexpr std::uint32_t queue_kind = 1;
// The first places of the list are for rings that one thread fills.
inline constexpr std::uint32_t solo_rings = 12;
inline constexpr std::size_t max_segments = solo_rings + 24;
inline constexpr std::uint32_t most_solo_words = 32;  // larger values lie in blocks
inline constexpr std::size_t max_groups = 24;
inline constexpr std::size_t size_classes = 4;

// ---- block: {generation 44 | owner 16 | phase 4} ----
enum class Phase : std::uint64_t {
  free = 0,
  filling = 1,   // the owner writes a value; dies with it
  complete = 2,  // the value is whole; it is in a ring, or on its way there by the owner
  taken = 3,     // the owner reads it; emptied is the commit
  emptied = 4,   // nobody will have the value any more; what is left to do anyone may do again
};
struct BlockWord {
  std::uint64_t bits = 0;
  Phase phase() const { return static_cast<Phase>(bits & 15); }
  std::uint32_t owner() const { return static_cast<std::uint32_t>(bits >> 4) & 0xffff; }
  std::uint64_t generation() const { return bits >> 20; }
  BlockWord to(Phase phase, std::uint32_t owner) const {
    return {(bits >> 20) << 20 | std::uint64_t{owner & 0xffff} << 4 | static_cast<std::uint64_t>(phase)};
  }
  BlockWord freed() const { return {((bits >> 20) + 1) << 20}; }
};

// What lies in a block: the value's bytes, then the shared objects that it names. More than the block holds:
// both are in a run of the arena, named in `data`.
struct Content {
  static constexpr int byte_bits = 40;
  static constexpr std::size_t most_names = 0xfff;
  std::uint64_t bits = 0;
  std::uint64_t bytes() const { return bits & ((std::uint64_t{1} << byte_bits) - 1); }
  std::size_t names() const { return static_cast<std::size_t>(bits >> byte_bits) & most_names; }
  std::uint64_t all() const { return bytes() + names() * sizeof(std::uint64_t); }
  static Content make(std::uint64_t bytes, std::size_t names) {
    return {bytes | std::uint64_t{names} << byte_bits};
  }
};

struct Block {
  Word64 word;
  Content content;
  std::atomic<std::uint32_t> names_counted;  // how many of the names have their reference
  std::uint32_t spare;
  std::byte data[1];  // in truth up to the block's size
  static constexpr std::size_t head_size = 24;
};
static_assert(offsetof(Block, data) == Block::head_size);
struct RunName {
  std::uint64_t offset;
  std::uint64_t generation;
};

// ---- ring: cells {lap 32 | block + 1, or 0: empty, or sealed} ----
inline constexpr std::uint32_t sealed_mark = 0xffffffff;
struct Cell {
  std::uint64_t bits = 0;
  std::uint32_t lap() const { return static_cast<std::uint32_t>(bits >> 32); }
  std::uint32_t content() const { return static_cast<std::uint32_t>(bits); }
  static Cell make(std::uint32_t lap, std::uint32_t content) { return {std::uint64_t{lap} << 32 | content}; }
};

template <class Word>
struct BasicSegment {
  alignas(64) Word tail;  // hints: anyone may help them forward; the cells decide
  Word head_seen;         // by a writer; at most the head, whose line is the readers'
  alignas(64) Word head;
  alignas(64) Word cells[1];  // in truth as many as the place in the list and max_size say
};
using Segment = BasicSegment<Word64>;
template <class Word>
struct BasicSoloSegment {
  alignas(64) Word tail;  // hints, as above
  Word writer;            // {member 32 | thread 32}; 0: nobody yet
  alignas(64) Word head;
  alignas(64) Word words[1];  // each cell, and behind it the words of its value
};
using SoloSegment = BasicSoloSegment<Word64>;
struct QueueObject {
  arena::ObjectHeader head;
  std::uint64_t type;            // hash of the element type's name
  std::uint64_t max_size;        // 0: memory's
  std::uint32_t generation;      // of this object's own run
  std::uint32_t smallest_block;  // size of the blocks of the first class
  std::uint32_t value_words;     // of a value that may lie in a ring that one thread fills; 0: it may not
  std::atomic<std::uint32_t> closed;
  std::atomic<std::uint32_t> growing;  // see Growing
  alignas(64) std::atomic<std::uint32_t> write_segment;
  std::atomic<std::uint32_t> writer_processor;
  alignas(64) std::atomic<std::uint32_t> read_segment;
  std::atomic<std::uint32_t> reader_processor;
  alignas(64) sync::EventCount values;
  alignas(64) sync::EventCount room;
  // arena::Place; 0: none yet; 1: the queue was closed here; 2: rings for many from here on
  Word64 segments[max_segments];
  Word64 groups[size_classes][max_groups];  // arena::Place of blocks of one size, side by side; 0: none yet
};

}  // namespace brood::channel
