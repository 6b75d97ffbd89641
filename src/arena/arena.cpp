#include "arena/arena.hpp"

#include <algorithm>
#include <brood/detail/life.hpp>
#include <brood/errors.hpp>
#include <new>
#include <string>

#include "arena/members.hpp"
#include "arena/prefault.hpp"
#include "base/copied.hpp"
#include "base/immortal.hpp"
#include "platform/child.hpp"
#include "platform/life.hpp"
#include "platform/memory.hpp"
#include "platform/waits.hpp"

namespace brood::arena {
namespace {

using Word = std::atomic<std::uint64_t>;

// Made at the first use, perhaps while a global is initialised; outlives every static handle.
platform::SharedRegion& region() {
  static Immortal<platform::SharedRegion> it;
  return *it;
}
Header* head = nullptr;

// Offsets of the arena's parts, as this process first read them. The header itself may be corrupt by now.
struct Geometry {
  std::uint64_t size = 0, members = 0, waits = 0, words = 0, chunks = 0;  // offsets
  std::uint32_t chunk_count = 0, member_count = 0;
} geometry;
// How many bytes of the region this process can access. A forked child inherits the mapping and this number.
std::atomic<std::uint64_t> open_bytes{0};
// How many chunk words are usable, as far as this process has seen. Only grows.
std::atomic<std::uint32_t> usable_words{0};

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }
// Chunk words are reserved one page at a time.
constexpr std::uint32_t words_step = platform::page_size / sizeof(Word);
// A freed run that is larger than keep_chunks is given back to the system if more than 1/kept_part of the
// arena is free and kept. Keeping pays because fresh pages cost several times as much as copying into them.
constexpr std::uint32_t keep_chunks = 1024;
constexpr std::uint32_t kept_part = 16;

Geometry plan(std::uint64_t bytes, std::uint32_t members) {
  Geometry g;
  g.size = bytes;
  g.member_count = members;
  g.members = round_up(sizeof(Header), 64);
  g.waits = round_up(g.members + std::uint64_t{members} * sizeof(Member), platform::page_size);
  g.words = round_up(g.waits + sizeof(platform::WaitTable), platform::page_size);
  g.chunks = round_up(g.words + bytes / chunk_size * sizeof(Word), chunk_size);
  g.chunk_count = static_cast<std::uint32_t>((bytes - g.chunks) / chunk_size);
  return g;
}

Word* words() { return reinterpret_cast<Word*>(region().data() + geometry.words); }
std::uint64_t offset_of(std::uint32_t chunk) { return geometry.chunks + std::uint64_t{chunk} * chunk_size; }

// Never falls and never exceeds the number of chunks, whatever the header contains.
std::uint32_t words_ready(std::uint32_t at_least = 0) {
  const auto shared = std::min(head->words_ready.load(), geometry.chunk_count);
  const auto now = std::max(shared, at_least);
  auto seen = usable_words.load();
  while (seen < now && !usable_words.compare_exchange_weak(seen, now)) {
  }
  return std::max(seen, now);
}

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes / (1024 * 1024)) + " MiB"; }

[[noreturn]] void no_memory(std::size_t size, const std::string& why) {
  throw NoMemory("no shared memory for " + std::to_string(size) + " bytes: " + why);
}

// Below this size, a value touches its few pages one by one.
constexpr std::size_t worth_a_call = 4 * platform::page_size;

void prefault_chunks_of(std::uint64_t offset, std::size_t size) {
  if (offset < geometry.chunks) return;
  const auto begin = (offset - geometry.chunks) / chunk_size;
  const auto end = (offset - geometry.chunks + size - 1) / chunk_size + 1;
  prefault(region().data() + geometry.chunks, geometry.chunk_count, begin,
           std::min<std::uint64_t>(end, geometry.chunk_count));
}

// Makes more chunk words usable. False if all of them are.
bool extend(std::uint32_t seen) {
  if (seen >= geometry.chunk_count) return false;
  const auto more = std::min(seen + words_step, geometry.chunk_count);
  const int error =
      region().reserve(geometry.words + std::uint64_t{seen} * sizeof(Word), (more - seen) * sizeof(Word));
  if (error != 0) no_memory(chunk_size, OsError("fallocate", error).what());
  head->words_ready.compare_exchange_strong(seen, more);
  words_ready(more);
  return true;
}

// Counts the chunks that really belong to the run with this head: its length may be noise, and the chunks
// behind it another run's. Relaxed: every caller has located the head with acquire, which orders the bodies.
std::uint32_t chunks_of(std::uint32_t first, ChunkWord head_word) {
  const std::uint32_t most = std::min(head_word.length(), words_ready() - first);
  std::uint32_t n = 1;
  for (; n < most; ++n) {
    const ChunkWord body{words()[first + n].load(std::memory_order_relaxed)};
    if (body.state() != ChunkWord::body || body.generation() != head_word.generation()) break;
  }
  return n;
}

// Claims `n` chunks beginning at `first`. On failure nothing stays claimed, and `first` moves past the
// obstacle. Relaxed loads: the compare-exchange decides, and a claimed word has one writer.
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

// Searches previously used chunks first, because their pages exist, perhaps in this process too. If that is
// in vain, up to a quarter as many fresh chunks are taken without another such search, until a run is freed:
// a program that only grows thus looks at four words per chunk. Relaxed: these words are hints, and claim()
// decides.
bool find_room(std::uint32_t ready, std::uint32_t n, std::uint32_t me, std::uint32_t& found) {
  const auto used = std::min(head->used_end.load(std::memory_order_relaxed), ready);
  const auto hint = std::min(head->hint.load(std::memory_order_relaxed), used);
  if (find_and_claim(hint, used, n, me, found)) return true;
  if (used >= head->fresh_end.load(std::memory_order_relaxed)) {
    if (find_and_claim(0, used, n, me, found)) return true;
    head->fresh_end.store(used + std::max(used / 4, 1U), std::memory_order_relaxed);
  }
  return find_and_claim(used, ready, n, me, found) || find_and_claim(0, ready, n, me, found);
}

void note_used(std::uint32_t end) {
  auto seen = head->used_end.load(std::memory_order_relaxed);
  while (seen < end && !head->used_end.compare_exchange_weak(seen, end, std::memory_order_relaxed)) {
  }
}

// Gives the claimed chunks [first, first + n) real memory if they lack it. Returns an errno value or 0.
// Relaxed: claimed words have one writer.
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

// The number of chunks that are free and have memory. An estimate, because other processes go on allocating.
std::uint32_t chunks_kept() {
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0, ready = words_ready(); i < ready; ++i) {
    const ChunkWord word{words()[i].load(std::memory_order_relaxed)};
    kept += word.state() == ChunkWord::free && word.reserved();
  }
  return kept;
}

// Frees the run whose head this process has claimed with the length still in it. Until every body is claimed
// too, no chunk is free, and the length in the head tells the process that buries this one how far the run
// reaches. After that each chunk stands for itself.
void free_run(std::uint32_t first, ChunkWord head_word, std::uint32_t me) {
  const std::uint32_t n = chunks_of(first, head_word);
  const auto generation = head_word.generation();
  for (std::uint32_t i = 1; i < n; ++i) {
    words()[first + i].store(ChunkWord::make(ChunkWord::claimed, true, me, generation, 0).bits);
  }
  words()[first].store(ChunkWord::make(ChunkWord::claimed, true, me, generation, 0).bits);
  const bool give_back = n > keep_chunks && chunks_kept() + n > geometry.chunk_count / kept_part;
  if (give_back) region().release(offset_of(first), std::size_t{n} * chunk_size);
  for (std::uint32_t i = 0; i < n; ++i) {
    words()[first + i].store(ChunkWord::make(ChunkWord::free, !give_back, 0, generation + 1, 0).bits);
  }
  head->hint.store(first, std::memory_order_relaxed);
  head->fresh_end.store(0, std::memory_order_relaxed);
}

// Opens large steps, because each is a system call, but never much more than is used.
void open_up(std::uint64_t end) {
  constexpr std::uint64_t least_step = 1024 * 1024;
  auto now = open_bytes.load();
  const auto step = std::max(least_step, now / 4);
  const auto wanted =
      std::min<std::uint64_t>(round_up(std::max(end, now + step), platform::page_size), region().size());
  if (const int error = region().open(now, wanted - now)) {
    throw NoMemory("the arena cannot be accessed beyond its first " + std::to_string(now) +
                   " bytes: " + OsError("mprotect", error).what());
  }
  while (now < wanted && !open_bytes.compare_exchange_weak(now, wanted)) {
  }
}

void note_waits() {
  if (head == nullptr) return;
  platform::note_waits_in(reinterpret_cast<platform::WaitTable*>(region().data() + geometry.waits));
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
      bytes = round_up(bytes / 2, chunk_size);  // the system does not say how much can be mapped: try
    }
  }
  geometry = plan(bytes, members);
  open_up(geometry.chunks);
  if (const int error = region().reserve(0, geometry.words)) {
    throw NoMemory("the first " + std::to_string(geometry.words) + " bytes of the arena of " +
                   megabytes(bytes) + " cannot be reserved: " + OsError("fallocate", error).what());
  }
  head = new (region().data()) Header{};
  head->magic = magic;
  head->version = version;
  head->size = bytes;
  head->member_count = members;
  head->members_used.store(1);
  head->creator = static_cast<std::uint32_t>(platform::self_pid());
  note_waits();
}

void attach(int descriptor) {
  region() = platform::SharedRegion::attach(platform::Descriptor(descriptor));
  open_up(std::min(sizeof(Header), region().size()));
  head = reinterpret_cast<Header*>(region().data());
  const bool known = region().size() >= sizeof(Header) && head->magic == magic && head->version == version;
  const std::uint64_t bytes = known ? copied(head->size) : 0;
  const std::uint32_t members = known ? copied(head->member_count) : 0;
  geometry = plan(bytes, members);
  if (!known || bytes > region().size() || members == 0 || members > 4096 ||
      geometry.chunks + chunk_size > bytes) {
    head = nullptr;
    throw StartFailed(
        "the inherited memory is not an arena of this version of brood; rebuild the whole program");
  }
  open_up(geometry.chunks);
  note_waits();
}

namespace {
void (*make)() = nullptr;
bool is_forbidden = false;
}  // namespace

void set_maker(void (*maker)()) { make = maker; }
void permit() {
  is_forbidden = false;
  note_waits();
}
void forbid() {
  is_forbidden = true;
  platform::note_waits_in(nullptr);
  begin_life();
}
void begin_life() {
  platform::begin_life();
  forget_prefaulted();
}
bool forbidden() {
  if (*detail::process_life == 0) static_cast<void>(platform::life());
  return is_forbidden;
}
void require() {
  if (make != nullptr)
    make();
  else if (!exists())
    create({});
}

bool exists() { return head != nullptr; }
int descriptor() { return region().descriptor(); }
Header& header() { return *head; }
Member* members() { return reinterpret_cast<Member*>(region().data() + geometry.members); }
std::uint32_t creator() { return head->creator; }
std::span<std::atomic<std::uint64_t>> shared_words() { return head->shared; }

std::uint32_t most_members() { return geometry.member_count; }

std::byte* at(std::uint64_t offset, std::size_t size) {
  const auto open = open_bytes.load(std::memory_order_relaxed);
  if (offset > open || size > open - offset) {
    if (head == nullptr || offset > geometry.size || size > geometry.size - offset) refuse_place();
    open_up(offset + size);
  }
  return region().data() + offset;
}
std::byte* all_of(std::uint64_t offset, std::size_t size) {
  std::byte* const there = at(offset, size);
  if (size >= worth_a_call) prefault_chunks_of(offset, size);
  return there;
}
void refuse_place() { throw DecodeError("a message names a place in shared memory where nothing can be"); }

Run allocate(std::size_t size) {
  const auto chunks = (std::max<std::size_t>(size, 1) + chunk_size - 1) / chunk_size;
  if (chunks > geometry.chunk_count) {
    no_memory(size, "the arena has " + megabytes(geometry.size) +
                        "; ask for more with brood::init(argc, argv, {.arena_bytes = ...})");
  }
  const auto n = static_cast<std::uint32_t>(chunks);
  const std::uint32_t me = self_member();
  // Relaxed: read only when this process is buried.
  member(me).uses.store(1, std::memory_order_relaxed);
  std::uint32_t first = 0;
  for (std::uint32_t ready = words_ready(); !find_room(ready, n, me, first);) {
    if (!extend(ready)) {
      no_memory(size, "the arena of " + megabytes(geometry.size) + " has no free run of that length, " +
                          std::to_string(chunks_in_use()) + " of " + std::to_string(geometry.chunk_count) +
                          " chunks of 64 KiB are in use");
    }
    ready = words_ready();
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
  // release: a process that locates the head finds the bodies.
  words()[first].store(ChunkWord::make(ChunkWord::head, true, me, generation, n).bits,
                       std::memory_order_release);
  head->hint.store(first + n, std::memory_order_relaxed);
  note_used(first + n);
  return {offset_of(first), generation};
}

namespace {

// Finds the chunk at which a run begins. False if none begins there.
bool locate(std::uint64_t offset, std::uint32_t& chunk, ChunkWord& word) {
  if (head == nullptr || offset < geometry.chunks || (offset - geometry.chunks) % chunk_size != 0)
    return false;
  const auto index = (offset - geometry.chunks) / chunk_size;
  const auto ready = words_ready();
  if (index >= ready) return false;
  chunk = static_cast<std::uint32_t>(index);
  // acquire: pairs with the release in allocate().
  word = ChunkWord{words()[chunk].load(std::memory_order_acquire)};
  return word.state() == ChunkWord::head && word.length() != 0 && word.length() <= ready - chunk;
}

// The same for a run that may have been freed and its chunks reused by now.
bool locate(Run run, std::uint32_t& chunk, ChunkWord& word) {
  return locate(run.offset, chunk, word) && word.generation() == run.generation;
}

// Changes the head last: until then the run as a whole belongs to its former owner, and then to the new one.
// Bodies get no owner, because they are never freed without their head.
void hand_over(Run run, std::uint32_t owner) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  if (!locate(run, chunk, word)) return;
  for (std::uint32_t i = chunks_of(chunk, word); i-- > 0;) {
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
  // The process that turns the head into a claimed chunk frees the run; a second one fails to.
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
  if (!locate(run, chunk, word) || word.owner() != member) return false;
  // Check all of it: a corrupt length must not add other processes' memory to the run.
  if (chunks_of(chunk, word) != word.length()) return false;
  for (std::uint32_t i = 1; i < word.length(); ++i) {
    if (ChunkWord{words()[chunk + i].load(std::memory_order_relaxed)}.owner() != member) return false;
  }
  return true;
}

std::size_t size_at(std::uint64_t offset, std::uint32_t member) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  if (!locate(offset, chunk, word)) return 0;
  return owned_by({offset, word.generation()}, member) ? std::size_t{word.length()} * chunk_size : 0;
}

bool run_begins_at(std::uint64_t offset) {
  std::uint32_t chunk = 0;
  ChunkWord word;
  return locate(offset, chunk, word);
}

void free_all_of(std::uint32_t dead) {
  const auto ready = words_ready();
  const auto word_of = [](std::uint32_t chunk) { return ChunkWord{words()[chunk].load()}; };
  const auto set_free = [&](std::uint32_t chunk) {
    const ChunkWord word = word_of(chunk);
    words()[chunk].store(ChunkWord::make(ChunkWord::free, word.reserved(), 0, word.generation() + 1, 0).bits);
  };
  for (std::uint32_t i = 0; i < ready; ++i) {
    const ChunkWord word = word_of(i);
    if (word.state() == ChunkWord::free || word.owner() != dead) continue;
    // A word with a length is the head of a whole run; the dead process may have changed the owner of some
    // bodies. The head is freed last. If another run, or nothing, begins within the length, the length is
    // noise.
    const auto n = std::min(word.length(), ready - i);
    for (std::uint32_t body = 1; body < n; ++body) {
      const ChunkWord now = word_of(i + body);
      const bool of_it = (now.state() == ChunkWord::body || now.state() == ChunkWord::claimed) &&
                         (now.owner() == dead || now.owner() == 0) && now.generation() == word.generation();
      if (!of_it) break;
      set_free(i + body);
    }
    set_free(i);
  }
}

void for_each_in_use(FunctionRef<void(std::uint64_t, ChunkWord)> f) {
  const auto ready = words_ready();
  for (std::uint32_t i = 0; i < ready; ++i) {
    const ChunkWord word{words()[i].load()};
    if (word.state() != ChunkWord::free) f(offset_of(i), word);
  }
}

std::uint32_t chunks_in_use() {
  std::uint32_t n = 0;
  for_each_in_use([&](std::uint64_t, ChunkWord) { ++n; });
  return n;
}

}  // namespace brood::arena
