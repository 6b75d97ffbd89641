#pragma once
// The memory that all processes of a program share: runs of chunks, handed out without a lock, so that a
// process may be killed at any instruction of it. What it had claimed is found by its number in the chunk
// words.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "arena/layout.hpp"
#include "base/function_ref.hpp"

namespace brood::arena {

/// A run in one word: chunks lie at multiples of 2^16, so the generation fits below. 0: none; other values
/// below 2^16 are free for marks.
struct Place {
  std::uint64_t bits = 0;
  bool is_run() const { return bits >= chunk_size; }
  std::uint64_t offset() const { return bits & ~std::uint64_t{chunk_size - 1}; }
};

struct Options {
  std::uint64_t bytes = 0;  // 0: min(physical memory, RLIMIT_AS / 4)
  std::uint32_t members = 4096;
};

/// A run of chunks: its place, and the generation that tells it from a later run at the same place.
struct Run {
  std::uint64_t offset = 0;
  std::uint32_t generation = 0;
  explicit operator bool() const { return offset != 0; }
  Place place() const { return {offset | (generation & 0xffff)}; }
  static Run at(Place place) {
    return {place.offset(), static_cast<std::uint32_t>(place.bits & (chunk_size - 1))};
  }
};

/// Makes the arena; once in a program, before the first process. Throws NoMemory naming the size.
void create(Options options);
/// Maps the arena of the program that started this one by exec.
void attach(int descriptor);
bool exists();
int descriptor();
/// Pid of the program that made it.
std::uint32_t creator();
/// A few words that all processes have, zeros at first: of the list of progress bars.
std::span<std::atomic<std::uint64_t>> shared_words();

/// Before the first use of a shared object in a process: makes the arena where there is none, or lets `maker`
/// do it and judge whether this process may. Throws.
void require();
void set_maker(void (*maker)());
/// In a process that the user's own fork() made: the arena is its parent's business. Every use throws
/// UsageError.
void forbid();
void permit();  // it turned out to be a child of brood's
bool forbidden();
/// This process is another than the one it was copied from: see platform/life.hpp.
void begin_life();

/// Address of [offset, offset + size), all of which can be accessed from then on; throws DecodeError when
/// that is not inside the arena: offsets arrive in messages.
std::byte* at(std::uint64_t offset, std::size_t size);
[[noreturn]] void refuse_place();
/// The same, where a T may lie.
template <class T>
T* object_at(std::uint64_t offset) {
  if (offset % alignof(T) != 0) refuse_place();
  return reinterpret_cast<T*>(at(offset, sizeof(T)));
}
/// The same for what is about to be read or written as a whole: pages that this process has not met yet are
/// made present together.
std::byte* all_of(std::uint64_t offset, std::size_t size);
Header& header();
/// The table of members, and how many it holds; as this process was told once, whatever the header says.
Member* members();
std::uint32_t most_members();

/// Reserved memory of at least `size` bytes, owned by this process until adopted or freed; not zeroed.
/// Throws NoMemory.
Run allocate(std::size_t size);
/// From now on the run belongs to a structure in the arena: it is not freed when this process dies.
void adopt(Run run);
/// The run of another process is this one's now, and freed when this process dies.
void take_over(Run run);
/// Gives the run back; harmless when somebody else has done so (the generation has moved on).
void free(Run run);
/// Bytes of a run that is allocated and of this generation, else 0: the word of another process is not
/// trusted.
std::size_t size_of(Run run);
/// Does the run belong to that member, every chunk of it?
bool owned_by(Run run, std::uint32_t member);
/// Bytes of a run of that member that begins there, else 0.
std::size_t size_at(std::uint64_t offset, std::uint32_t member);
/// A run that is allocated begins there.
bool run_begins_at(std::uint64_t offset);
/// Frees all runs of a dead member.
void free_all_of(std::uint32_t member);

/// For tests and reports, for nothing may be left at the end: each chunk in use, by its offset and its word.
void for_each_in_use(FunctionRef<void(std::uint64_t, ChunkWord)> f);
std::uint32_t chunks_in_use();

}  // namespace brood::arena
