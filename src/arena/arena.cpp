#include "arena/arena.hpp"

#include <algorithm>
#include <brood/errors.hpp>
#include <new>
#include <string>

#include "arena/members.hpp"
#include "platform/memory.hpp"

namespace brood::arena {
namespace {

using Word = std::atomic<std::uint64_t>;

// Made at the first use, which may be in the initialisation of a global, and outlives every static handle.
platform::SharedRegion& region() {
  static auto* const it = new platform::SharedRegion;
  return *it;
}
Header* head = nullptr;

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }
// A page of chunk words is reserved at a time.
constexpr std::uint32_t words_step = platform::page_size / sizeof(Word);
// Runs larger than this give their memory back to the system when freed.
constexpr std::uint32_t keep_chunks = 1024;

Word* words() { return reinterpret_cast<Word*>(region().data() + head->words); }
std::uint64_t offset_of(std::uint32_t chunk) { return head->chunks + std::uint64_t{chunk} * chunk_size; }

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes / (1024 * 1024)) + " MiB"; }

[[noreturn]] void no_memory(std::size_t size, const std::string& why) {
  throw NoMemory("no shared memory for " + std::to_string(size) + " bytes: " + why);
}

// Makes more chunk words usable. False when all are.
bool extend(std::uint32_t seen) {
  if (seen >= head->chunk_count) return false;
  const auto more = std::min(seen + words_step, head->chunk_count);
  const int error =
      region().reserve(head->words + std::uint64_t{seen} * sizeof(Word), (more - seen) * sizeof(Word));
  if (error != 0) no_memory(chunk_size, OsError("fallocate", error).what());
  head->words_ready.compare_exchange_strong(seen, more);
  return true;
}

// Claims `n` chunks beginning at `first`. On failure nothing stays claimed and `first` moves behind the
// obstacle.
bool claim(std::uint32_t& first, std::uint32_t n, std::uint32_t me) {
  for (std::uint32_t i = 0; i < n; ++i) {
    Word& word = words()[first + i];
    ChunkWord seen{word.load(std::memory_order_relaxed)};
    if (seen.state() == ChunkWord::free &&
        word.compare_exchange_strong(
            seen.bits, ChunkWord::make(ChunkWord::claimed, seen.reserved(), me, seen.generation(), 0).bits)) {
      continue;
    }
    for (std::uint32_t back = 0; back < i; ++back) {
      const ChunkWord mine{words()[first + back].load(std::memory_order_relaxed)};
      words()[first + back].store(
          ChunkWord::make(ChunkWord::free, mine.reserved(), 0, mine.generation(), 0).bits);
    }
    first += i + 1;
    return false;
  }
  return true;
}

bool find_and_claim(std::uint32_t from, std::uint32_t to, std::uint32_t n, std::uint32_t me,
                    std::uint32_t& found) {
  while (from + n <= to) {
    if (claim(from, n, me)) {
      found = from;
      return true;
    }
  }
  return false;
}

// The claimed chunks [first, first + n) get real memory where they have none. An errno value, 0 when done.
int make_real(std::uint32_t first, std::uint32_t n) {
  for (std::uint32_t i = 0; i < n; ++i) {
    if (ChunkWord{words()[first + i].load(std::memory_order_relaxed)}.reserved()) continue;
    std::uint32_t end = i + 1;
    while (end < n && !ChunkWord{words()[first + end].load(std::memory_order_relaxed)}.reserved()) ++end;
    if (const int error = region().reserve(offset_of(first + i), std::size_t{end - i} * chunk_size))
      return error;
    i = end;
  }
  return 0;
}

// Frees the run whose head this process has claimed, the length still in it. Until every body is claimed too
// nothing is free, and the length in the head tells whoever buries this process how far it all reaches; after
// that each chunk stands for itself.
void free_run(std::uint32_t first, ChunkWord head_word, std::uint32_t me) {
  const std::uint32_t n = head_word.length();
  const auto generation = head_word.generation();
  for (std::uint32_t i = 1; i < n; ++i) {
    words()[first + i].store(ChunkWord::make(ChunkWord::claimed, true, me, generation, 0).bits);
  }
  words()[first].store(ChunkWord::make(ChunkWord::claimed, true, me, generation, 0).bits);
  const bool give_back = n > keep_chunks;
  if (give_back) region().release(offset_of(first), std::size_t{n} * chunk_size);
  for (std::uint32_t i = 0; i < n; ++i) {
    words()[first + i].store(ChunkWord::make(ChunkWord::free, !give_back, 0, generation + 1, 0).bits);
  }
  head->hint.store(first, std::memory_order_relaxed);
}

}  // namespace

void create(Options options) {
  if (head != nullptr) return;
  const bool chosen = options.bytes != 0;
  std::uint64_t bytes = chosen ? options.bytes
                               : std::min({platform::physical_memory(), platform::address_space_limit() / 4,
                                           platform::file_size_limit() / chunk_size * chunk_size});
  bytes = std::max<std::uint64_t>(round_up(bytes, chunk_size), 16 * chunk_size);
  const std::uint32_t members = std::clamp(options.members, 8U, 4095U) + 1;  // member 0 is nobody
  for (;;) {
    try {
      region() = platform::SharedRegion::create("brood arena", bytes);
      break;
    } catch (const OsError& e) {
      if (chosen || bytes <= 64 * 1024 * 1024) {
        throw NoMemory(
            "the arena of " + megabytes(bytes) + " cannot be mapped (" + e.what() +
            "); ask for less with brood::init(argc, argv, {.arena_bytes = ...}) or raise the limit");
      }
      bytes = round_up(bytes / 2, chunk_size);  // what can be mapped is not told: try
    }
  }
  const auto chunk_count = static_cast<std::uint32_t>(bytes / chunk_size);
  const std::size_t members_at = round_up(sizeof(Header), 64);
  const std::size_t words_at = round_up(members_at + members * sizeof(Member), platform::page_size);
  const std::size_t chunks_at = round_up(words_at + chunk_count * sizeof(Word), chunk_size);
  if (const int error = region().reserve(0, words_at)) {
    throw NoMemory("the first " + std::to_string(words_at) + " bytes of the arena of " + megabytes(bytes) +
                   " cannot be reserved: " + OsError("fallocate", error).what());
  }
  head = new (region().data()) Header{};
  head->magic = magic;
  head->version = version;
  head->size = bytes;
  head->chunk_count = static_cast<std::uint32_t>((bytes - chunks_at) / chunk_size);
  head->member_count = members;
  head->members = members_at;
  head->words = words_at;
  head->chunks = chunks_at;
  head->members_used.store(1);
}

void attach(int descriptor) {
  region() = platform::SharedRegion::attach(platform::Descriptor(descriptor));
  head = reinterpret_cast<Header*>(region().data());
  if (region().size() < sizeof(Header) || head->magic != magic || head->version != version ||
      head->size > region().size()) {
    head = nullptr;
    throw StartFailed(
        "the inherited memory is not an arena of this version of brood; rebuild the whole program");
  }
}

namespace {
void (*make)() = nullptr;
bool is_forbidden = false;
}  // namespace

void set_maker(void (*maker)()) { make = maker; }
void permit() { is_forbidden = false; }
void forbid() { is_forbidden = true; }
bool forbidden() { return is_forbidden; }
void require() {
  if (make != nullptr)
    make();
  else if (!exists())
    create({});
}

bool exists() { return head != nullptr; }
int descriptor() { return region().descriptor(); }
Header& header() { return *head; }

std::byte* at(std::uint64_t offset, std::size_t size) {
  if (head == nullptr || offset > head->size || size > head->size - offset) {
    throw DecodeError("a message names memory outside the arena");
  }
  return region().data() + offset;
}

Run allocate(std::size_t size) {
  const auto chunks = (std::max<std::size_t>(size, 1) + chunk_size - 1) / chunk_size;
  if (chunks > head->chunk_count) {
    no_memory(size, "the arena has " + megabytes(head->size) +
                        "; ask for more with brood::init(argc, argv, {.arena_bytes = ...})");
  }
  const auto n = static_cast<std::uint32_t>(chunks);
  const std::uint32_t me = self_member();
  member(me).uses.store(1, std::memory_order_relaxed);
  std::uint32_t first = 0;
  for (std::uint32_t ready = head->words_ready.load();;) {
    const auto hint = std::min(head->hint.load(std::memory_order_relaxed), ready);
    if (find_and_claim(hint, ready, n, me, first) || find_and_claim(0, ready, n, me, first)) break;
    if (!extend(ready)) {
      no_memory(size, "the arena of " + megabytes(head->size) + " has no free run of that length, " +
                          std::to_string(chunks_in_use()) + " of " + std::to_string(head->chunk_count) +
                          " chunks of 64 KiB are in use");
    }
    ready = head->words_ready.load();
  }
  const std::uint32_t generation = ChunkWord{words()[first].load(std::memory_order_relaxed)}.generation();
  if (const int error = make_real(first, n)) {
    for (std::uint32_t i = 0; i < n; ++i) {
      const ChunkWord mine{words()[first + i].load(std::memory_order_relaxed)};
      words()[first + i].store(
          ChunkWord::make(ChunkWord::free, mine.reserved(), 0, mine.generation(), 0).bits);
    }
    no_memory(size, OsError("fallocate", error).what());
  }
  for (std::uint32_t i = 1; i < n; ++i) {
    words()[first + i].store(ChunkWord::make(ChunkWord::body, true, me, generation, 0).bits,
                             std::memory_order_relaxed);
  }
  words()[first].store(ChunkWord::make(ChunkWord::head, true, me, generation, n).bits,
                       std::memory_order_release);
  head->hint.store(first + n, std::memory_order_relaxed);
  return {offset_of(first), generation};
}

namespace {

// The chunk where a run begins, or nothing when none does.
bool locate(std::uint64_t offset, std::uint32_t& chunk, ChunkWord& word) {
  if (head == nullptr || offset < head->chunks || (offset - head->chunks) % chunk_size != 0) return false;
  const auto index = (offset - head->chunks) / chunk_size;
  if (index >= head->words_ready.load()) return false;
  chunk = static_cast<std::uint32_t>(index);
  word = ChunkWord{words()[chunk].load(std::memory_order_acquire)};
  return word.state() == ChunkWord::head && word.length() <= head->words_ready.load() - chunk;
}

// The same for a run that may be another one by now.
bool locate(Run run, std::uint32_t& chunk, ChunkWord& word) {
  return locate(run.offset, chunk, word) && word.generation() == run.generation;
}

}  // namespace

namespace {

// The head last: until then the run is its former owner's as a whole, and then the new one's. Bodies are
// nobody's: they are never freed without their head.
void hand_over(Run run, std::uint32_t owner) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  if (!locate(run, chunk, word)) return;
  for (std::uint32_t i = word.length(); i-- > 0;) {
    const ChunkWord now{words()[chunk + i].load(std::memory_order_relaxed)};
    const auto whose = i == 0 ? owner : 0;
    words()[chunk + i].store(ChunkWord::make(now.state(), true, whose, now.generation(), now.length()).bits);
  }
}

}  // namespace

void adopt(Run run) { hand_over(run, 0); }

void take_over(Run run) {
  const std::uint32_t me = self_member();
  member(me).uses.store(1, std::memory_order_relaxed);
  hand_over(run, me);
}

void free(Run run) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  if (!locate(run, chunk, word)) return;
  // Whoever turns the head into a claimed chunk frees the run; a second one finds it so.
  const std::uint32_t me = self_member();
  member(me).uses.store(1, std::memory_order_relaxed);
  const auto taken = ChunkWord::make(ChunkWord::claimed, true, me, word.generation(), word.length());
  if (words()[chunk].compare_exchange_strong(word.bits, taken.bits)) free_run(chunk, taken, me);
}

std::size_t size_of(Run run) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  return locate(run, chunk, word) ? std::size_t{word.length()} * chunk_size : 0;
}

bool owned_by(Run run, std::uint32_t member) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  return locate(run, chunk, word) && word.owner() == member;
}

bool run_begins_at(std::uint64_t offset) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  return locate(offset, chunk, word);
}

void free_all_of(std::uint32_t dead) {
  const auto ready = head->words_ready.load();
  const auto set_free = [](std::uint32_t chunk) {
    const ChunkWord word{words()[chunk].load()};
    words()[chunk].store(ChunkWord::make(ChunkWord::free, word.reserved(), 0, word.generation() + 1, 0).bits);
  };
  for (std::uint32_t i = 0; i < ready; ++i) {
    const ChunkWord word{words()[i].load()};
    if (word.state() == ChunkWord::free || word.owner() != dead) continue;
    // With a length: a whole run, of which the dead may have changed some bodies' owner. Its head is freed
    // last.
    const auto n = std::min(word.length(), ready - i);
    for (std::uint32_t body = 1; body < n; ++body) set_free(i + body);
    set_free(i);
  }
}

std::uint32_t chunks_in_use() {
  std::uint32_t n = 0;
  const auto ready = head->words_ready.load();
  for (std::uint32_t i = 0; i < ready; ++i) n += ChunkWord{words()[i].load()}.state() != ChunkWord::free;
  return n;
}

}  // namespace brood::arena
