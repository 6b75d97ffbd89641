#pragma once
// The layout of a queue in the arena. A process may be killed at any instruction of any operation;
// src/channel/queue_core.cpp describes how each word changes.
//
// While only one thread puts small values of one size, the values are stored in its rings (solo_ring.hpp).
// Other values are stored in blocks. A block's word holds its owner and phase; publishing a block is a single
// compare-and-swap of a ring's cell. Rings and groups of blocks are added as the queue grows, each twice as
// long as the one before, and stay until the queue is destroyed: the old ones together take less memory than
// the newest.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/layout.hpp"
#include "sync/event_count.hpp"

namespace brood::channel {

using Word64 = std::atomic<std::uint64_t>;

inline constexpr std::uint32_t queue_kind = 1;
// The first entries of the list are for single-writer rings.
inline constexpr std::uint32_t solo_rings = 12;
inline constexpr std::size_t max_segments = solo_rings + 24;
inline constexpr std::uint32_t most_solo_words = 32;  // larger values go into blocks
inline constexpr std::size_t max_groups = 24;
inline constexpr std::size_t size_classes = 4;

// ---- block: {generation 44 | owner 16 | phase 4} ----
enum class Phase : std::uint64_t {
  free = 0,
  filling = 1,   // the owner writes a value; lost if the owner dies
  complete = 2,  // the value is complete; the block is in a ring, or the owner is putting it there
  taken = 3,     // the owner reads the value; the change to emptied commits that
  emptied = 4,   // nobody will take the value any more; any process may do, or redo, the cleanup
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

// The contents of a block: the value's bytes, then the shared objects that it names. If they do not fit, both
// are in a run of the arena, which `data` names.
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
  std::atomic<std::uint32_t> names_counted;  // how many of the names have had their reference counted
  std::uint32_t spare;
  std::byte data[1];  // really extends to the block's size
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
  alignas(64) Word tail;  // tail and head are hints that anyone may advance; the cells decide
  Word head_seen;  // head as last seen by a writer, never beyond it; spares writers the readers' cache line
  alignas(64) Word head;
  alignas(64) Word cells[1];  // really as many as follow from the position in the list and max_size
};
using Segment = BasicSegment<Word64>;
template <class Word>
struct BasicSoloSegment {
  alignas(64) Word tail;  // tail and head: hints, as above
  Word writer;            // {member 32 | thread 32}; 0: nobody yet
  alignas(64) Word head;
  alignas(64) Word words[1];  // each cell, followed by the words of its value
};
using SoloSegment = BasicSoloSegment<Word64>;
struct QueueObject {
  arena::ObjectHeader head;
  std::uint64_t type;            // hash of the element type's name
  std::uint64_t max_size;        // 0: bounded by memory only
  std::uint32_t generation;      // of this object's own run
  std::uint32_t smallest_block;  // size of the blocks of the first class
  std::uint32_t value_words;     // size of a value that may go into a single-writer ring; 0: none may
  std::atomic<std::uint32_t> closed;
  std::atomic<std::uint32_t> growing;  // see Growing
  alignas(64) std::atomic<std::uint32_t> write_segment;
  std::atomic<std::uint32_t> writer_processor;
  alignas(64) std::atomic<std::uint32_t> read_segment;
  std::atomic<std::uint32_t> reader_processor;
  alignas(64) sync::EventCount values;
  alignas(64) sync::EventCount room;
  // arena::Place; 0: none yet; 1: the queue was closed here; 2: multi-writer rings from here on
  Word64 segments[max_segments];
  Word64 groups[size_classes][max_groups];  // arena::Place of blocks of one size, side by side; 0: none yet
};

}  // namespace brood::channel
