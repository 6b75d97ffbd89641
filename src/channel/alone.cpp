// A queue's operations on its single-writer rings.
//
// The first thread to put claims the ring. A thread that finds it claimed by another ends single-writer mode
// for the rest of the queue's life: it seals the ring, marks in the next entry of the list that multi-writer
// rings follow, and from then on blocks are used. Burying a dead writer releases its claim.

#include "channel/alone.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <brood/bytes.hpp>
#include <brood/detail/life.hpp>
#include <brood/errors.hpp>
#include <limits>
#include <span>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "base/copied.hpp"
#include "base/planted.hpp"
#include "base/scope.hpp"
#include "channel/known_run.hpp"
#include "channel/pace.hpp"
#include "channel/queue_core.hpp"
#include "channel/solo_ring_code.hpp"
#include "platform/park.hpp"

namespace brood::channel {

using detail::QueueResult;

namespace {

// The first ring takes some 16 KiB, or what a bounded queue may hold, so that most queues never need another.
std::uint64_t capacity_of(const Shape& shape, std::uint32_t index) {
  const std::uint64_t first = std::bit_floor(16384 / (sizeof(Word64) * (1 + shape.value_words)));
  const auto bound = std::min<std::uint64_t>(shape.max_size, 4096);
  return std::max(first, std::bit_ceil(bound + 2)) << index;
}
std::uint64_t bytes_of(const Shape& shape, std::uint64_t cells) {
  return sizeof(SoloSegment) + cells * (1 + shape.value_words) * sizeof(Word64);
}

// A number of this thread, unique among the threads of all processes.
std::uint64_t this_thread() {
  static std::atomic<std::uint32_t> threads{0};
  static thread_local const std::uint32_t mine = ++threads;
  return std::uint64_t{arena::self_member()} << 32 | mine;
}

// This thread's position in a queue's ring. Valid as long as the queue at that place is the same, and this is
// still the process that recorded it; only the ring's cells decide whether an operation is possible.
struct Seat {
  std::uint64_t object = std::numeric_limits<std::uint64_t>::max();
  QueueObject* queue = nullptr;
  std::uint32_t generation = 0, life = 0;
  std::uint64_t most = 0;  // the most values in the ring, for its writer
  bool bounded = false;
  SoloRing ring;
  SoloRing::Tail tail;     // of its writer
  std::uint64_t head = 0;  // of a reader

  bool is_of(std::uint64_t wanted) const {
    return object == wanted && life == *detail::process_life && generation == copied(queue->generation);
  }
  void leave() { object = std::numeric_limits<std::uint64_t>::max(); }
};
Seat& seat_of(std::uint64_t object, Side side) {
  static thread_local constinit std::array<std::array<Seat, 16>, 2> all{};
  return all[static_cast<std::size_t>(side)][object / arena::chunk_size % 16];
}

using Words = std::array<std::uint64_t, most_solo_words>;

// Writes into an empty cell, directly: a reader that is a lap behind discards what it copies of it.
void write(Word64* cell, const detail::EncodeValue& value) {
  if constexpr (copies_pairs) {
    Writer to(reinterpret_cast<std::byte*>(cell), value.size_hint);
    value.encode(to, value.value);
  } else {
    Words words{};
    Writer to(std::as_writable_bytes(std::span(words)).first(value.size_hint));
    value.encode(to, value.value);
    copy_in(cell, words.data(), static_cast<std::uint32_t>((value.size_hint + 7) / 8));
  }
}
void read(const Words& words, const detail::DecodeValue& value) {
  Reader from(std::as_bytes(std::span(words)).first(value.size_hint));
  value.decode(from, value.to);
}

void note(platform::Word& processor) {
  // Other processors read that cache line, so it is written only on a change.
  const auto here = platform::this_processor();
  if (processor.load(std::memory_order_relaxed) != here) processor.store(here, std::memory_order_relaxed);
}

}  // namespace

void tell_put(QueueObject& queue) {
  note(queue.writer_processor);
  queue.values.wake_one();
}
void tell_got(QueueObject& queue, bool bounded) {
  note(queue.reader_processor);
  if (bounded) queue.room.wake_one();
}

// Threads seldom change their processor.
constexpr std::uint64_t noted_each = 32;

bool put_again(std::uint64_t object, const detail::EncodeValue& value, detail::Deadline until) {
  Seat& seat = seat_of(object, Side::writer);
  if (!seat.is_of(object)) return false;
  const auto put = [&] {
    return seat.ring.put(seat.tail, seat.most, [&](Word64* cell) { write(cell, value); });
  };
  auto done = put();
  if (done == SoloRing::Put::full && seat.bounded && !until.is_now()) {
    const auto full = [&] { return !seat.ring.has_room(seat.tail, seat.most); };
    if (spin_while(full, seat.queue->reader_processor, pace_of(object, Side::writer).wait(),
                   platform::spin_time))
      done = put();
  }
  if (done != SoloRing::Put::done) {
    seat.leave();
    return false;
  }
  pace_of(object, Side::writer).done();
  if (seat.tail.at % noted_each == 0) note(seat.queue->writer_processor);
  seat.queue->values.wake_one();
  return true;
}

bool get_again(std::uint64_t object, const detail::DecodeValue& value, detail::Deadline until) {
  Seat& seat = seat_of(object, Side::reader);
  if (!seat.is_of(object)) return false;
  Words words;
  Pace& pace = pace_of(object, Side::reader);
  auto got = seat.ring.get(seat.head, words.data());
  if (got == SoloRing::Get::empty && !until.is_now()) {
    const auto empty = [&] { return (got = seat.ring.get(seat.head, words.data())) == SoloRing::Get::empty; };
    spin_while(empty, seat.queue->writer_processor, pace.wait(), platform::spin_time);
  }
  if (got != SoloRing::Get::done) return false;
  pace.done();
  if (seat.head % noted_each == 0) note(seat.queue->reader_processor);
  if (seat.bounded) seat.queue->room.wake_one();
  read(words, value);
  return true;
}

// ---- the long way

// The single-writer ring at that index; empty when there is none.
SoloRing QueueCore::solo(std::uint32_t index) {
  const arena::Place place{index < solo_rings ? q_.segments[index].load() : 0};
  if (place.bits <= many_from_here) return {};
  const auto cells = capacity_of(shape_, index);
  std::byte* const at = known_run(place, bytes_of(shape_, cells));
  if (at == nullptr) throw DecodeError("a queue has been overwritten; it cannot be used any more");
  return {*reinterpret_cast<SoloSegment*>(at), cells, shape_.value_words};
}

// Adds a ring for this thread, unless something is there already or the list has no room.
void QueueCore::add_solo(std::uint32_t index) {
  if (index >= solo_rings) return;
  std::uint64_t none = q_.segments[index].load();
  if (none != 0) return;
  const auto cells = capacity_of(shape_, index);
  const arena::Run run = arena::allocate(bytes_of(shape_, cells));
  auto* fresh = new (arena::at(run.offset, bytes_of(shape_, cells))) SoloSegment{};
  for (std::uint64_t i = 0; i < cells; ++i) new (&fresh->words[i * (1 + shape_.value_words)]) Word64(0);
  fresh->writer = this_thread();
  if (q_.segments[index].compare_exchange_strong(none, run.place().bits))
    arena::adopt(run);  // killed before this line: as in add_ring
  else
    arena::free(run);
}

// A longer ring means fresh memory, at a microsecond per page, while the values of a short one stay in the
// caches. So a writer that is a little faster than its reader waits for as long as growing would take.
bool QueueCore::await_room(const SoloRing& ring, SoloRing::Tail tail, std::uint32_t index) {
  constexpr std::uint64_t page = 4096, worth_it = 64 * 1024;
  const auto longer = bytes_of(shape_, capacity_of(shape_, index + 1));
  if (longer <= worth_it) return false;
  const auto full = [&] { return !ring.has_room(tail, std::numeric_limits<std::uint64_t>::max()); };
  return spin_while(full, q_.reader_processor, pace_of(object_, Side::writer).wait(),
                    std::chrono::microseconds(longer / page));
}

std::optional<QueueResult> QueueCore::put_alone(const detail::EncodeValue& value) {
  if (value.size_hint == 0 || value.size_hint > shape_.value_words * sizeof(std::uint64_t)) return {};
  for (Steps step;; step()) {
    std::uint32_t index = q_.write_segment.load();
    if (index >= solo_rings) return {};
    add_solo(index);
    auto ring = solo(index);
    if (!ring || !ring.claim(this_thread())) {
      if (!leave_alone(index, false)) return QueueResult::closed;
      continue;
    }
    const bool bounded = shape_.max_size != 0;
    const auto before = bounded ? values_before(index) : 0;
    if (bounded && before >= shape_.max_size) return QueueResult::late;
    const auto most = bounded ? shape_.max_size - before : std::numeric_limits<std::uint64_t>::max();
    SoloRing::Tail tail{ring.tail()};
    const auto done = ring.put(tail, most, [&](Word64* cell) { write(cell, value); });
    if (done == SoloRing::Put::done) {
      if (before == 0) {
        seat_of(object_, Side::writer) =
            Seat{object_, &q_, copied(q_.generation), *detail::process_life, most, bounded, ring, tail};
      }
      tell_put(q_);
      return QueueResult::done;
    }
    if (done == SoloRing::Put::full && most < capacity_of(shape_, index)) return QueueResult::late;
    if (done == SoloRing::Put::full && await_room(ring, tail, index)) continue;
    ring.seal();
    if (q_.closed.load() != 0) return QueueResult::closed;
    add_solo(index + 1);
    q_.write_segment.compare_exchange_strong(index, index + 1);
  }
}

// Ends the use of single-writer rings. False when the queue is closed.
bool QueueCore::leave_alone(std::uint32_t index, bool for_repair) {
  std::uint32_t from = index;
  if (auto ring = solo(index)) {
    if (!planted("left_unsealed")) ring.seal();
    ++index;
  }
  if (index < solo_rings) {
    std::uint64_t seen = 0;
    auto& place = q_.segments[index];
    if (!place.compare_exchange_strong(seen, many_from_here) && seen != many_from_here) {
      if (seen != closed_here) {  // its writer has moved on meanwhile
        q_.write_segment.compare_exchange_strong(from, index);
        return true;
      }
      // After a closed queue's end: see add_ring.
      if (!for_repair) return false;
      place.compare_exchange_strong(seen, many_from_here);
    }
  }
  q_.write_segment.compare_exchange_strong(from, solo_rings);
  return true;
}

std::optional<QueueResult> QueueCore::get_alone(const detail::DecodeValue& value) {
  for (Steps step;; step()) {
    std::uint32_t index = q_.read_segment.load();
    if (index >= solo_rings) return {};
    auto ring = solo(index);
    if (ring) {
      Words words;
      std::uint64_t head = ring.head();
      const auto got = ring.get(head, words.data());
      if (got == SoloRing::Get::empty) return QueueResult::late;
      if (got == SoloRing::Get::done) {
        const bool bounded = shape_.max_size != 0;
        seat_of(object_, Side::reader) =
            Seat{object_, &q_, copied(q_.generation), *detail::process_life, 0, bounded, ring, {}, head};
        const OnExit room([&] { tell_got(q_, bounded); });
        read(words, value);
        return QueueResult::done;
      }
    }
    const auto next = ring ? index + 1 : index;
    const auto there = next < solo_rings ? q_.segments[next].load() : many_from_here;
    if (there == closed_here) return QueueResult::closed;
    if (there == 0) return QueueResult::late;
    q_.read_segment.compare_exchange_strong(index, there == many_from_here ? solo_rings : next);
  }
}

bool QueueCore::looks_empty(const SoloRing& ring, std::uint32_t index) {
  switch (ring.front()) {
    case SoloRing::Get::done:
      return false;
    case SoloRing::Get::empty:
      return true;
    case SoloRing::Get::sealed:
      break;
  }
  const auto there = index + 1 < solo_rings ? q_.segments[index + 1].load() : many_from_here;
  return there <= closed_here || (there == many_from_here && !this->ring(solo_rings));
}

void QueueCore::forget_writer(std::uint32_t dead) {
  for (std::uint32_t i = 0; i < solo_rings; ++i) {
    if (auto ring = solo(i)) ring.release(dead);
  }
}

}  // namespace brood::channel
