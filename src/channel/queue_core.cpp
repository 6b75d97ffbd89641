// Queue<T> on bytes: blocks, rings, waiting, repair. Values that a single thread puts: alone.cpp.
//
// put:  free -> filling(me)   value written   -> complete(me) -> published by a cell -> wake
// get:  complete -> taken(me) the cell is cleared, the head moves   value read   -> emptied(me) -> free
// A process killed in between leaves its number in the block's word. The process that buries it repairs the
// block: filling is dropped, complete is published if no ring names it, taken goes back to the end, emptied
// becomes free.

#include "channel/queue_core.hpp"

#include <algorithm>
#include <bit>
#include <brood/codec.hpp>
#include <brood/detail/names.hpp>
#include <brood/detail/queue_core.hpp>
#include <brood/errors.hpp>
#include <map>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "arena/references.hpp"
#include "base/copied.hpp"
#include "base/planted.hpp"
#include "base/scope.hpp"
#include "channel/alone.hpp"
#include "channel/blocks.hpp"
#include "channel/growing.hpp"
#include "channel/inside.hpp"
#include "channel/kinds.hpp"
#include "channel/known_run.hpp"
#include "channel/pace.hpp"
#include "channel/ring.hpp"
#include "platform/waits.hpp"

namespace brood::channel {

using detail::Deadline;
using detail::QueueResult;

namespace {
QueueObject& usable(std::uint64_t object) {
  if (arena::forbidden()) arena::require();  // says why not
  if (object == 0) throw UsageError("this handle of a queue was moved from; use the one it was moved to");
  return *arena::object_at<QueueObject>(object);
}
}  // namespace

QueueCore::QueueCore(std::uint64_t object)
    : q_(usable(object)), object_(object), shape_(Shape::of(q_)), blocks_(q_, object, shape_) {}

std::uint64_t QueueCore::create(std::int64_t max_size, const detail::QueueTraits& traits) {
  const arena::Run run = arena::allocate(sizeof(QueueObject));
  OnExit unheld([&] { arena::free(run); });
  auto* q = new (arena::at(run.offset, sizeof(QueueObject))) QueueObject{};
  q->head.kind = queue_kind;
  q->type = traits.type;
  q->max_size = max_size > 0 ? static_cast<std::uint64_t>(max_size) : 0;
  q->generation = run.generation;
  const auto shape = Shape::for_values(q->max_size, traits.size_hint);
  q->smallest_block = shape.block_size[0];
  q->value_words = shape.value_words;
  if (q->value_words == 0) {
    q->write_segment = solo_rings;
    q->read_segment = solo_rings;
  }
  arena::hold_new(run.offset);
  unheld.dismiss();
  arena::adopt(run);
  return run.offset;
}

// ---- rings ----

namespace {
constexpr std::uint64_t first_capacity = 4096;
// A bounded queue's values all fit into its first ring, where the bound is exact.
constexpr std::uint64_t capacity_of(std::uint64_t max_size, std::uint32_t index) {
  const std::uint64_t bound = std::min<std::uint64_t>(max_size, std::uint64_t{1} << 22);
  return std::max(first_capacity, std::bit_ceil(bound + 2)) << (index - solo_rings);
}
constexpr std::uint64_t bytes_of(std::uint64_t cells) { return sizeof(Segment) + cells * sizeof(Word64); }
}  // namespace

// An empty Ring if there is none at this index.
Ring QueueCore::ring(std::uint32_t index) {
  const bool can_be = index >= solo_rings && index < max_segments;
  const arena::Place place{can_be ? q_.segments[index].load() : closed_here};
  if (place.bits <= many_from_here) return {};
  const std::uint64_t cells = capacity_of(shape_.max_size, index);
  std::byte* const at = known_run(place, bytes_of(cells));
  if (at == nullptr) throw DecodeError("a queue has been overwritten; it cannot be used any more");
  return Ring(*reinterpret_cast<Segment*>(at), cells);
}

// Adds the ring after the last one; returns an empty Ring if the queue was closed. `for_repair`: also after
// the last ring of a closed queue, because a value that a killed reader had not finished taking must be kept
// somewhere.
Ring QueueCore::add_ring(std::uint32_t index, bool for_repair) {
  if (index >= max_segments) throw NoMemory("a queue has grown to its limit of rings");
  auto& slot = q_.segments[index];
  const std::uint64_t capacity = capacity_of(shape_.max_size, index);
  for (;;) {
    std::uint64_t seen = slot.load();
    if (arena::Place{seen}.is_run()) return ring(index);
    if (seen == closed_here && !for_repair) return {};
    const Growing alone(q_.growing, arena::self_member(), bytes_of(capacity));
    if (slot.load() != seen) continue;
    const arena::Run run = arena::allocate(bytes_of(capacity));
    auto* fresh = new (arena::at(run.offset, bytes_of(capacity))) Segment{};
    for (std::uint64_t i = 0; i < capacity; ++i) new (&fresh->cells[i]) Word64(0);
    if (slot.compare_exchange_strong(seen, run.place().bits)) {
      // If this process is killed before this line, the repair adopts every run that the queue names.
      arena::adopt(run);
      return ring(index);
    }
    arena::free(run);
  }
}

Ring QueueCore::writing_ring(std::uint32_t& index, bool for_repair) {
  index = q_.write_segment.load();
  const Ring there = ring(index);
  return there ? there : add_ring(index, for_repair);
}

bool QueueCore::publish(std::uint32_t block, bool bounded, bool for_repair, QueueResult& result) {
  for (;;) {
    std::uint32_t index = q_.write_segment.load();
    if (index < solo_rings) {
      if (leave_alone(index, for_repair)) continue;
      result = QueueResult::closed;
      return false;
    }
    auto there = writing_ring(index, for_repair);
    if (!there) {
      result = QueueResult::closed;
      return false;
    }
    std::uint64_t limit = 0;
    if (bounded && shape_.max_size != 0) {
      const auto before = values_before(index);
      if (before >= shape_.max_size) {
        result = QueueResult::late;
        return false;
      }
      limit = shape_.max_size - before;
    }
    switch (there.publish(block, limit)) {
      case Ring::Publish::done:
        return true;
      case Ring::Publish::limit:
        if (help_reading()) continue;  // a stopped reader had not moved the head
        result = QueueResult::late;
        return false;
      case Ring::Publish::full:
        if (help_reading()) continue;
        there.seal();
        [[fallthrough]];
      case Ring::Publish::sealed: {
        if (q_.closed.load() != 0 && !for_repair) {
          result = QueueResult::closed;
          return false;
        }
        if (!add_ring(index + 1, for_repair)) {
          result = QueueResult::closed;
          return false;
        }
        q_.write_segment.compare_exchange_strong(index, index + 1);
        break;
      }
    }
  }
}

// Number of values in older rings, which also count towards the bound. It only falls.
std::uint64_t QueueCore::values_before(std::uint32_t index) {
  std::uint64_t n = 0;
  for (auto i = q_.read_segment.load(); i < index; ++i) {
    if (const auto alone = solo(i)) {
      const auto head = alone.head();
      n += alone.tail() - head;
    } else if (const auto one = ring(i)) {
      const auto head = one.head();
      n += one.tail() - head;
    }
  }
  return n;
}

// A cell that contains noise costs only the value in it.
Block& QueueCore::block_at(Ring& ring, const Ring::Head& head) {
  try {
    return blocks_.at(head.block);
  } catch (const DecodeError&) {
    ring.pass(head);
    throw;
  }
}

// Moves the head past a value whose reader took it and got no further. True if the head moved.
bool QueueCore::help_reading() {
  auto first = ring(q_.read_segment.load());
  if (!first) return false;
  const auto head = first.front();
  if (head.front != Ring::Front::block) return false;
  const BlockWord word{block_at(first, head).word.load()};
  if (first.changed(head)) return true;
  if (word.phase() == Phase::complete) return false;
  first.pass(head);
  return true;
}

// ---- put ----

QueueResult QueueCore::try_put(const detail::EncodeValue& value) {
  const Inside here;
  if (q_.closed.load() != 0) return QueueResult::closed;
  if (looks_full() && size() >= shape_.max_size) return QueueResult::late;
  if (const auto result = put_alone(value)) return *result;
  const auto me = arena::self_member();
  const std::uint32_t block = blocks_.fill(value, me);
  OnExit refused([&] { blocks_.drop(block); });
  QueueResult result = QueueResult::done;
  if (!publish(block, true, false, result)) return result;
  refused.dismiss();
  tell_put(q_);
  return QueueResult::done;
}

QueueResult QueueCore::put(const detail::EncodeValue& value, Deadline until) {
  Pace& pace = pace_of(object_, Side::writer);
  const auto what = [&](platform::WaitText& text) {
    text << "Queue::put on queue " << object_ / arena::chunk_size << ", which is full (max_size "
         << shape_.max_size << ")";
  };
  platform::WaitNote waiting(what);
  for (Steps step;;) {
    const auto result = try_put(value);
    if (result == QueueResult::done) pace.done();
    if (result != QueueResult::late || until.passed()) return result;
    const auto full = [&] { return q_.closed.load() == 0 && looks_full() && size() >= shape_.max_size; };
    if (spin_while(full, q_.reader_processor, pace.wait(), platform::spin_time)) {
      step();
      continue;
    }
    const auto seen = q_.room.prepare();
    if (full() && !q_.room.doze(seen, until, waiting.patience()) && full()) return QueueResult::late;
  }
}

// ---- get ----

// Claims the first value; `late` if there is none.
QueueResult QueueCore::claim(std::uint32_t me, std::uint32_t& block) {
  for (;;) {
    std::uint32_t index = q_.read_segment.load();
    auto first = ring(index);
    if (!first)
      return index < max_segments && q_.segments[index].load() == closed_here ? QueueResult::closed
                                                                              : QueueResult::late;
    const auto head = first.front();
    if (head.front == Ring::Front::empty) return QueueResult::late;
    if (head.front == Ring::Front::sealed) {
      const auto next = index + 1 < max_segments ? q_.segments[index + 1].load() : closed_here;
      if (next == 0) return QueueResult::late;
      if (next == closed_here) return QueueResult::closed;
      q_.read_segment.compare_exchange_strong(index, index + 1);
      continue;
    }
    Block& b = block_at(first, head);
    BlockWord word{b.word.load()};
    // The word that was read belongs to this value only if the cell still names the block.
    if (first.changed(head)) continue;
    const bool mine = word.phase() == Phase::complete &&
                      b.word.compare_exchange_strong(word.bits, word.to(Phase::taken, me).bits);
    if (!mine && BlockWord{b.word.load()}.phase() == Phase::complete) continue;
    first.pass(head);
    if (mine) {
      block = head.block;
      return QueueResult::done;
    }
  }
}

QueueResult QueueCore::try_get(const detail::DecodeValue& value) {
  const Inside here;
  if (const auto result = get_alone(value)) return *result;
  const auto me = arena::self_member();
  std::uint32_t block = 0;
  const auto result = claim(me, block);
  if (result != QueueResult::done) return result;
  const OnExit room([&] { tell_got(q_, shape_.max_size != 0); });
  blocks_.take(block, value);
  return QueueResult::done;
}

QueueResult QueueCore::get(const detail::DecodeValue& value, Deadline until) {
  Pace& pace = pace_of(object_, Side::reader);
  const auto what = [&](platform::WaitText& text) {
    text << "Queue::get on queue " << object_ / arena::chunk_size << ", which is empty";
  };
  platform::WaitNote waiting(what);
  for (Steps step;;) {
    auto result = try_get(value);
    if (result == QueueResult::late && q_.closed.load() != 0) {
      // The queue is being closed, perhaps by a process that was killed while doing so. Finish that; then the
      // seal decides.
      close();
      result = try_get(value);
    }
    if (result == QueueResult::done) pace.done();
    if (result != QueueResult::late || until.passed()) return result;
    const auto nothing = [&] { return q_.closed.load() == 0 && looks_empty(); };
    if (spin_while(nothing, q_.writer_processor, pace.wait(), platform::spin_time)) {
      step();
      continue;
    }
    const auto seen = q_.values.prepare();
    if ((planted("no_look_before_sleep") || nothing()) && !q_.values.doze(seen, until, waiting.patience()) &&
        nothing())
      return QueueResult::late;
  }
}

// Never false if the queue is full. May be true if it is not: publishing looks again.
bool QueueCore::looks_full() {
  if (shape_.max_size == 0) return false;
  const auto index = q_.write_segment.load();
  if (solo(index)) return true;
  const auto last = ring(index);
  if (!last) return false;
  return index != q_.read_segment.load() || last.tail() - last.head() >= shape_.max_size;
}

bool QueueCore::looks_empty() {
  const auto index = q_.read_segment.load();
  if (const auto alone = solo(index)) return looks_empty(alone, index);
  auto first = ring(index);
  if (!first) return true;
  const auto front = first.front();
  if (front.front == Ring::Front::block) return false;
  return front.front == Ring::Front::empty || !ring(index + 1);
}

std::uint64_t QueueCore::size() {
  for (int tried = 0; tried < 1'000'000; ++tried) {
    const auto first = q_.read_segment.load();
    const auto last = q_.write_segment.load();
    std::uint64_t n = 0;
    bool moved = false;
    for (auto i = first; i <= last && i < max_segments && !moved; ++i) {
      if (const auto alone = solo(i)) {
        const auto head = alone.head();
        n += alone.tail() - head;
        moved = alone.head() != head;
        continue;
      }
      auto one = ring(i);
      if (!one) continue;
      one.help_tail();
      if (i == first) {
        while (help_reading()) {
        }
      }
      const auto head = one.head();
      const auto tail = one.tail();
      moved = one.head() != head;
      n += tail - head;
    }
    if (!moved && first == q_.read_segment.load() && last == q_.write_segment.load()) return n;
  }
  throw DecodeError("a queue has been overwritten; it cannot be used any more");
}

// ---- close, end, repair ----

void QueueCore::close() {
  q_.closed.store(1);
  // Nothing can be published behind the last seal, and no ring can be added where the mark `closed_here` is.
  for (std::uint32_t index = q_.write_segment.load(); index < max_segments;) {
    std::uint64_t seen = 0;
    if (q_.segments[index].compare_exchange_strong(seen, closed_here) || seen == closed_here) break;
    if (seen == many_from_here) {
      index = solo_rings;
      continue;
    }
    if (auto alone = solo(index))
      alone.seal();
    else if (auto there = ring(index))
      there.seal();
    ++index;
  }
  q_.values.wake_all();
  q_.room.wake_all();
}

void QueueCore::repair(std::uint32_t dead) {
  const auto me = arena::self_member();
  // Runs that the dead process had added and not yet adopted.
  for (auto& slot : q_.segments) {
    if (const arena::Place place{slot.load()}; place.is_run()) arena::adopt(arena::Run::at(place));
  }
  blocks_.adopt_all();
  Growing::forget(q_.growing, dead);
  forget_writer(dead);
  std::map<std::uint32_t, BlockWord> of_dead;
  blocks_.for_each_of(dead, [&](std::uint32_t block, BlockWord word) { of_dead.emplace(block, word); });
  // Find the cells that name these blocks once, for all of them: only their owner could publish one.
  std::multimap<std::uint32_t, std::pair<std::uint32_t, Ring::Named>> named;
  for (std::uint32_t i = 0; i < max_segments && !of_dead.empty(); ++i) {
    const auto one = ring(i);
    if (!one) continue;
    one.for_each_named([&](const Ring::Named& cell) {
      if (of_dead.contains(cell.block)) named.insert({cell.block, {i, cell}});
    });
  }
  for (auto& [block, word] : of_dead) {
    QueueResult ignored = QueueResult::done;
    Block& b = blocks_.at(block);
    switch (word.phase()) {
      case Phase::filling:
      case Phase::emptied:
        blocks_.drop(block);
        break;
      case Phase::complete:
        if (named.contains(block)) break;
        if (b.word.compare_exchange_strong(word.bits, word.to(Phase::complete, me).bits))
          publish(block, false, true, ignored);
        break;
      case Phase::taken:
        if (planted("taken_is_lost")) break;
        for (auto [at, end] = named.equal_range(block); at != end; ++at) {
          if (auto one = ring(at->second.first)) one.clear(at->second.second);
        }
        if (b.word.compare_exchange_strong(word.bits, word.to(Phase::complete, me).bits))
          publish(block, false, true, ignored);
        break;
      case Phase::free:
        break;
    }
  }
  if (q_.closed.load() != 0) close();  // the values published behind the seal need a seal of their own
  if (planted("repair_wakes_nobody")) return;
  // The dead process may have been woken for a value, or for room, that it did not take.
  q_.values.wake_all();
  q_.room.wake_all();
}

void QueueCore::destroy(std::uint64_t object) {
  QueueCore queue(object);
  auto& q = queue.q_;
  queue.blocks_.free_all();
  for (auto& slot : q.segments) {
    if (const arena::Place place{slot.load()}; place.is_run()) arena::free(arena::Run::at(place));
  }
  arena::free({object, copied(q.generation)});
}

namespace {
// Before any global of the program is initialised, because such a global may already use brood.
[[gnu::constructor(200)]] void register_here() {
  register_kind(
      queue_kind, [](std::uint64_t object, std::uint32_t dead) { QueueCore(object).repair(dead); },
      [](std::uint64_t object) { QueueCore::destroy(object); });
}
}  // namespace

}  // namespace brood::channel
