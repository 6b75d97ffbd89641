#pragma once
// The memory that all processes of a program share: runs of chunks, allocated without a lock, so that a
// process may be killed at any instruction. The chunks that it had claimed are found by its member number in
// their words.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "arena/layout.hpp"
#include "base/function_ref.hpp"

namespace brood::arena {

/// A run in one word: chunks are at multiples of 2^16, so the generation fits into the low bits. 0: none;
/// other values below 2^16 are free for use as marks.
struct Place {
  std::uint64_t bits = 0;
  bool is_run() const { return bits >= chunk_size; }
  std::uint64_t offset() const { return bits & ~std::uint64_t{chunk_size - 1}; }
};

struct Options {
  std::uint64_t bytes = 0;  // 0: min(physical memory, RLIMIT_AS / 4)
  std::uint32_t members = 4096;
};

/// A run of chunks: its offset, and the generation that distinguishes it from a later run at the same offset.
struct Run {
  std::uint64_t offset = 0;
  std::uint32_t generation = 0;
  explicit operator bool() const { return offset != 0; }
  Place place() const { return {offset | (generation & 0xffff)}; }
  static Run at(Place place) {
    return {place.offset(), static_cast<std::uint32_t>(place.bits & (chunk_size - 1))};
  }
};

/// Makes the arena; called once in a program, before the first process. Throws NoMemory, naming the size.
void create(Options options);
/// Maps the arena of the program that started this one by exec.
void attach(int descriptor);
bool exists();
int descriptor();
/// The pid of the program that made the arena.
std::uint32_t creator();
/// A few words that all processes share, initially zero, for the list of progress bars.
std::span<std::atomic<std::uint64_t>> shared_words();

/// Call before the first use of a shared object in a process: makes the arena if there is none, or lets the
/// maker do so, which also decides whether this process may; throws if not.
void require();
void set_maker(void (*maker)());
/// Call in a process made by the user's own fork(), which must not use its parent's arena: every use then
/// throws UsageError.
void forbid();
void permit();  // undoes forbid(): the process turned out to be a child made by brood
bool forbidden();
/// Call in a copy of a process: from here on it is a process of its own; see platform/life.hpp.
void begin_life();

/// The address of [offset, offset + size), all of which is accessible from then on. Throws DecodeError when
/// that is not inside the arena, since offsets arrive in messages.
std::byte* at(std::uint64_t offset, std::size_t size);
[[noreturn]] void refuse_place();
/// The address of a T at the offset. Throws DecodeError when it is not inside the arena or not aligned.
template <class T>
T* object_at(std::uint64_t offset) {
  if (offset % alignof(T) != 0) refuse_place();
  return reinterpret_cast<T*>(at(offset, sizeof(T)));
}
/// Like at(), for memory about to be read or written as a whole: pages that this process has not used yet are
/// faulted in together.
std::byte* all_of(std::uint64_t offset, std::size_t size);
Header& header();
/// The table of members and its capacity, as recorded by this process when it attached: the header may be
/// overwritten later.
Member* members();
std::uint32_t most_members();

/// Allocates at least `size` bytes, owned by this process until adopted or freed; not zeroed. Throws
/// NoMemory.
Run allocate(std::size_t size);
/// Gives the run to a structure in the arena: from now on it is not freed when this process dies.
void adopt(Run run);
/// Takes over a run from another process: from now on it is freed when this process dies.
void take_over(Run run);
/// Frees the run; harmless when it has been freed already (the generation has changed).
void free(Run run);
/// The size in bytes of an allocated run with this generation, otherwise 0: references from other processes
/// are not trusted.
std::size_t size_of(Run run);
/// True when every chunk of the run belongs to that member.
bool owned_by(Run run, std::uint32_t member);
/// The size in bytes of a run that begins at the offset and belongs to that member, otherwise 0.
std::size_t size_at(std::uint64_t offset, std::uint32_t member);
/// True when an allocated run begins at the offset.
bool run_begins_at(std::uint64_t offset);
/// Frees all runs of a dead member.
void free_all_of(std::uint32_t member);

/// Visits each chunk in use, with its offset and word; for tests and reports, which check that nothing is
/// left at the end.
void for_each_in_use(FunctionRef<void(std::uint64_t, ChunkWord)> f);
std::uint32_t chunks_in_use();

}  // namespace brood::arena
