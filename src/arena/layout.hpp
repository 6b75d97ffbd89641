#pragma once
// What lies in the arena. Every process of the program has it mapped, at any address; everything is an
// offset.
//
//   Header | members | chunk words | chunks ...

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace brood::arena {

inline constexpr std::uint32_t magic = 0x62726f64;  // "brod"
inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t chunk_size = 64 * 1024;

struct Header {
  std::uint32_t magic, version;
  std::uint64_t size;  // what follows lies where these two say; read once
  std::uint32_t member_count;
  std::atomic<std::uint32_t> words_ready;   // chunk words whose memory is reserved; only grows
  std::atomic<std::uint32_t> hint;          // where a free chunk was seen last; may be wrong
  std::atomic<std::uint32_t> members_used;  // slots below this one have been used
};

// A process that uses the arena. The word decides: {pid, generation, state}; who sets a pid into a free one
// owns it.
struct Member {
  std::atomic<std::uint64_t> word;
  std::atomic<std::uint32_t> parent;   // pid of the process that will bury this one
  std::atomic<std::uint32_t> uses;     // has allocated: its chunks must be looked for
  std::uint64_t started;               // tells the pid from a later process of the same number
  std::atomic<std::uint64_t> ledger;   // offset of its ledger, 0: none
  std::atomic<std::uint32_t> settled;  // has taken over all that the message of its birth named
  std::atomic<std::uint32_t> taken;    // until then: which of them, as Reader::tell_handles has it
  std::byte spare[24];
};
static_assert(sizeof(Member) == 64);

// One writer: the member. An entry is an object that the process holds.
struct Ledger {
  static constexpr std::size_t capacity = chunk_size / sizeof(std::uint64_t);
  std::atomic<std::uint64_t> objects[capacity];
};
static_assert(sizeof(Ledger) == chunk_size);

// Every object that processes share begins with this.
struct ObjectHeader {
  std::uint32_t kind;
  // One for each process that holds it and for each message that names it.
  std::atomic<std::uint32_t> references;
};

// A chunk's word: state 3 bits | memory reserved 1 | owner 12 | generation 16 | length of the run in
// chunks 32. The owner is the member that has claimed it, 0 when it belongs to a structure in the arena.
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
