#pragma once
// The layout of the arena. Every process of the program maps it, at any address, so all references are
// offsets.
//
//   Header | members | table of waits | chunk words | chunks ...

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace brood::arena {

inline constexpr std::uint32_t magic = 0x62726f64;  // "brod"
inline constexpr std::uint32_t version = 2;
inline constexpr std::size_t chunk_size = 64 * 1024;

// How processes share the program's terminal: see src/process/terminal.hpp. Pids and two flags; any process
// may corrupt them.
struct TerminalWords {
  std::atomic<std::uint32_t> group;    // of the program; 0: there is no terminal
  std::atomic<std::uint32_t> keeper;   // gives the terminal to groups
  std::atomic<std::uint32_t> holder;   // leads the group that has the terminal
  std::atomic<std::uint32_t> stopped;  // flag: the keeper has stopped the program's children
  std::atomic<std::uint32_t> tostop;   // flag: the terminal stops background output (stty tostop)
  std::array<std::atomic<std::uint32_t>, 27> wishes;  // leaders of groups that want the terminal, in no order
};

struct Header {
  std::uint32_t magic, version;
  std::uint64_t size;  // read once; this and member_count determine where the parts begin
  std::uint32_t member_count;
  std::atomic<std::uint32_t> words_ready;             // chunk words whose memory is reserved; only grows
  std::atomic<std::uint32_t> hint;                    // where a free chunk was last seen; may be wrong
  std::atomic<std::uint32_t> used_end;                // no chunk from here on was ever used; may be too low
  std::atomic<std::uint32_t> fresh_end;               // fresh chunks below are taken without a search
  std::atomic<std::uint32_t> members_used;            // slots below this one have been used
  std::uint32_t creator;                              // pid of the program that made the arena
  std::array<std::atomic<std::uint64_t>, 33> shared;  // see shared_words
  TerminalWords terminal;
};

// A process that uses the arena. `word` decides: {pid, generation, state}. The process that sets its pid in a
// free word owns the place.
struct Member {
  std::atomic<std::uint64_t> word;
  std::atomic<std::uint32_t> parent;  // pid of the process that will bury this one
  std::atomic<std::uint32_t> uses;    // has allocated, so its chunks must be searched for
  std::atomic<std::uint64_t> ledger;  // offset of its ledger, 0: none
  // The change of an object's count that is in progress, see references.cpp.
  std::atomic<std::uint64_t> step;
  std::atomic<std::uint64_t> where;  // offset of the word that records the reference
  std::atomic<std::uint64_t> says;   // the new value of that word
  std::atomic<std::uint64_t> told;   // written by others: number of the last step that they saw done
  std::byte spare[8];
};
static_assert(sizeof(Member) == 64);

// {object's chunk 32 | number 28 | width of the word 4}
struct Step {
  enum Width : std::uint64_t { none = 0, narrow = 1, wide = 2 };
  std::uint64_t bits = 0;
  std::uint64_t object() const { return (bits >> 32) * chunk_size; }
  std::uint32_t number() const { return static_cast<std::uint32_t>(bits) >> 4; }
  Width width() const { return static_cast<Width>(bits & 15); }
  // Numbers continue over the lives of all processes that have this member's place.
  std::uint32_t next_number() const { return (number() + 1) & 0xfffffff; }
  static Step make(std::uint64_t object, std::uint32_t number, Width width) {
    return {object / chunk_size << 32 | std::uint64_t{number} << 4 | width};
  }
};

// The number of references, and the step of the member that last changed it:
// {count 24 | member 12 | number 28}
struct References {
  static constexpr std::uint32_t most = 0xffffff;
  std::uint64_t bits = 0;
  std::uint32_t count() const { return static_cast<std::uint32_t>(bits >> 40); }
  std::uint32_t by() const { return static_cast<std::uint32_t>(bits >> 28) & 0xfff; }
  std::uint32_t number() const { return static_cast<std::uint32_t>(bits) & 0xfffffff; }
  static References make(std::uint32_t count, std::uint32_t by, std::uint32_t number) {
    return {std::uint64_t{count} << 40 | std::uint64_t{by & 0xfff} << 28 | (number & 0xfffffff)};
  }
};

// One writer: the member, or the process that buries it or picks up what it left. An entry is an object that
// the process holds, with a mark in its low bits.
struct Ledger {
  static constexpr std::size_t capacity = chunk_size / sizeof(std::uint64_t);
  std::atomic<std::uint64_t> objects[capacity];
};
static_assert(sizeof(Ledger) == chunk_size);

// Every object that processes share begins with this header.
struct ObjectHeader {
  std::uint32_t kind;
  // One for each process that holds the object and one for each message that names it.
  std::atomic<std::uint64_t> references;
};

// A chunk's word: {length of the run in chunks 32 | generation 16 | owner 12 | memory reserved 1 | state 3}
// The owner is the member that has claimed the chunk, 0 if it belongs to a structure in the arena.
struct ChunkWord {
  enum State : std::uint64_t { free = 0, claimed = 1, body = 2, head = 3 };
  std::uint64_t bits = 0;

  State state() const { return static_cast<State>(bits & 7); }
  bool reserved() const { return (bits & 8) != 0; }
  std::uint32_t owner() const { return static_cast<std::uint32_t>(bits >> 4) & 0xfff; }
  std::uint32_t generation() const { return static_cast<std::uint32_t>(bits >> 16) & 0xffff; }
  std::uint32_t length() const { return static_cast<std::uint32_t>(bits >> 32); }

  static ChunkWord make(State state, bool reserved, std::uint32_t owner, std::uint32_t generation,
                        std::uint32_t length) {
    return {static_cast<std::uint64_t>(state) | (reserved ? 8U : 0U) | std::uint64_t{owner & 0xfff} << 4 |
            std::uint64_t{generation & 0xffff} << 16 | std::uint64_t{length} << 32};
  }
};

}  // namespace brood::arena
