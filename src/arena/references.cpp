#include "arena/references.hpp"

#include <algorithm>
#include <array>
#include <brood/errors.hpp>
#include <map>
#include <mutex>
#include <utility>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "base/copied.hpp"
#include "base/immortal.hpp"
#include "base/planted.hpp"

namespace brood::arena {
namespace {

struct Kind {
  Repair repair = nullptr;
  Destroy destroy = nullptr;
};

// Objects begin at chunks, so the low bits of an entry are free for its state.
enum Entry : std::uint64_t {
  held = 0,
  left = 1,   // for the parent to pick up
  going = 2,  // this process drops a reference, and destroys the object when it was the last; counts nothing
};
constexpr std::uint64_t object_in(std::uint64_t entry) { return entry & ~std::uint64_t{chunk_size - 1}; }
constexpr std::uint64_t entry_kind(std::uint64_t entry) { return entry & (chunk_size - 1); }

constexpr const char* no_object = "a message names a shared object that does not exist";

// This process's own view; nothing in it is shared.
struct Holds {
  std::mutex mutex;
  Ledger* ledger = nullptr;
  std::size_t next = 0;  // where to start looking for a free entry
  struct Held {
    std::uint32_t times, kind;
    std::size_t entry;
  };
  std::map<std::uint64_t, Held> objects;
  std::array<Kind, 16> kinds;
};
Holds& holds() {
  static Immortal<Holds> it;  // outlives every static handle
  return *it;
}

Destroy destroyer_of(const ObjectHeader& head) {
  const auto kind = copied(head.kind);
  return kind < holds().kinds.size() ? holds().kinds[kind].destroy : nullptr;
}

// The header of an object that is live or being destroyed; null if there is none: the argument may be
// garbage.
ObjectHeader* object_header(std::uint64_t object) {
  if (object % chunk_size != 0 || !run_begins_at(object)) return nullptr;
  auto* const head = object_at<ObjectHeader>(object);
  return destroyer_of(*head) != nullptr ? head : nullptr;
}
ObjectHeader* living_object(std::uint64_t object) {
  auto* const head = object_header(object);
  return head != nullptr && References{head->references.load()}.count() != 0 ? head : nullptr;
}

// ---- one step that happens completely or not at all, even if its process is killed

// A word in the arena that records a counted reference, and its new value. `at` is 0: there is none.
struct Note {
  std::uint64_t at = 0;
  std::uint64_t says = 0;
  Step::Width width = Step::none;

  void write() const {
    if (width == Step::narrow)
      object_at<std::atomic<std::uint32_t>>(at)->store(static_cast<std::uint32_t>(says));
    else if (width == Step::wide)
      object_at<std::atomic<std::uint64_t>>(at)->store(says);
  }
};
std::uint64_t offset_of(const void* place) {
  return static_cast<std::uint64_t>(static_cast<const std::byte*>(place) - at(0, 0));
}
Note narrow(std::atomic<std::uint32_t>& word, std::uint32_t says) {
  return {offset_of(&word), says, Step::narrow};
}
Note wide(std::atomic<std::uint64_t>& word, std::uint64_t says) {
  return {offset_of(&word), says, Step::wide};
}

// Tells the member whose step last changed the count that the step is done; required before the count, and
// with it that information, is overwritten.
void tell_done(References seen) {
  if (seen.by() == 0 || seen.by() >= most_members()) return;
  Member& m = member(seen.by());
  for (auto told = m.told.load(); told != seen.number();) {
    // The member is in another step by now, or in none, so it knows already. A step that begins later is not
    // affected, since its number differs from the one stored here.
    const Step step{m.step.load()};
    if (step.width() == Step::none || step.number() != seen.number()) return;
    if (m.told.compare_exchange_weak(told, seen.number())) return;
  }
}

enum class Changed { no, yes, to_zero };

// Changes the count, then writes the note. The step in progress is recorded in this member's `step`. If this
// process is killed, the process that buries it finds out whether the count was changed (the count names the
// step that last changed it, or `told` does) and then writes the note in its place. Requires the mutex: one
// step at a time. The count never returns from 0, and never falls below `least`, the number this process
// itself holds, since names may be garbage.
Changed change(ObjectHeader& head, std::uint64_t object, int by, std::uint32_t least, Note note) {
  const auto me = self_member();
  Member& m = member(me);
  const auto number = Step{m.step.load()}.next_number();
  m.where.store(note.at);
  m.says.store(note.says);
  m.step.store(Step::make(object, number, note.width).bits);
  if (planted("noted_before_counted")) note.write();
  auto result = Changed::no;
  References seen{head.references.load()};
  for (;;) {
    const bool may = by > 0 ? seen.count() != 0 && seen.count() < References::most : seen.count() > least;
    if (!may) break;
    tell_done(seen);
    const auto now = References::make(by > 0 ? seen.count() + 1 : seen.count() - 1, me, number);
    if (!head.references.compare_exchange_weak(seen.bits, now.bits)) continue;
    result = now.count() == 0 ? Changed::to_zero : Changed::yes;
    break;
  }
  // When lowering is refused, the count is right as it is and the note still applies; when raising is
  // refused, there is nothing to record.
  if (by < 0 || result != Changed::no) note.write();
  m.step.store(Step::make(0, number, Step::none).bits);
  return result;
}

// Completes the step in which a member died: writes the note if the count was changed.
void finish_step_of(std::uint32_t dead) {
  Member& m = member(dead);
  const Step step{m.step.load()};
  if (step.width() == Step::none) return;
  const auto* const head = object_header(step.object());
  const References seen{head != nullptr ? head->references.load() : 0};
  // In this order, because `told` is written before another step overwrites the count.
  const bool done = (seen.by() == dead && seen.number() == step.number()) || m.told.load() == step.number();
  if (done) {
    try {
      Note{m.where.load(), m.says.load(), step.width()}.write();
    } catch (const DecodeError&) {  // garbage, not a place in the arena
    }
  }
  m.step.store(Step::make(0, step.number(), Step::none).bits);
}

// ---- the ledger; the mutex is held

std::size_t free_entry() {
  auto& mine = holds();
  if (mine.ledger == nullptr) {
    const auto number = self_member();
    const Run run = allocate(sizeof(Ledger));
    mine.ledger = object_at<Ledger>(run.offset);
    for (auto& entry : mine.ledger->objects) entry.store(0, std::memory_order_relaxed);
    // release: a process that finds the ledger finds its entries zeroed.
    member(number).ledger.store(run.offset, std::memory_order_release);
  }
  const auto is_free = [&](std::size_t i) {
    return mine.ledger->objects[i].load(std::memory_order_relaxed) == 0;
  };
  // Entries at the front first, because pick_up() searches from there.
  constexpr std::size_t in_front = 16;
  for (std::size_t i = 0; i < in_front; ++i) {
    if (is_free(i)) return i;
  }
  for (std::size_t tried = 0; tried < Ledger::capacity; ++tried) {
    const std::size_t i = mine.next++ % Ledger::capacity;
    if (is_free(i)) return i;
  }
  throw NoMemory("one process holds more than " + std::to_string(Ledger::capacity) +
                 " shared objects (queues)");
}
std::atomic<std::uint64_t>& entry_at(std::size_t i) { return holds().ledger->objects[i]; }

// The ledger of this member, null if it has none or its word is garbage.
Ledger* ledger_of(std::uint32_t number) {
  const auto at = member(number).ledger.load();
  return size_at(at, number) >= sizeof(Ledger) ? object_at<Ledger>(at) : nullptr;
}

void destroy(std::uint64_t object) noexcept {
  try {
    if (const auto* head = object_header(object)) destroyer_of (*head)(object);
  } catch (const std::exception&) {  // it was overwritten: parts that cannot be found in it stay allocated
  }
}

// Drops a reference recorded in some word other than this process's own entry.
void drop(std::uint64_t object, Note note) noexcept {
  auto& mine = holds();
  std::unique_lock lock(mine.mutex);
  auto* const head = living_object(object);
  if (head == nullptr) return note.write();
  if (mine.objects.contains(object)) {
    change(*head, object, -1, 1, note);
    return;
  }
  std::atomic<std::uint64_t>* entry = nullptr;
  try {
    entry = &entry_at(free_entry());
    entry->store(object | going);
  } catch (const std::exception&) {  // no memory: if this process is killed while destroying the object, the
                                     // rest of it leaks
  }
  const bool last = change(*head, object, -1, 0, note) == Changed::to_zero;
  lock.unlock();
  if (last) destroy(object);
  if (entry != nullptr) entry->store(0);
}

// For an object that is held already its count is not touched, which other processes may be changing. `kind`:
// 0 for any kind.
void hold_once_more(std::uint64_t object, std::uint32_t kind) {
  const auto is_right = [&](std::uint32_t its) { return kind == 0 || its == kind; };
  auto& mine = holds();
  const std::lock_guard lock(mine.mutex);
  if (const auto it = mine.objects.find(object); it != mine.objects.end()) {
    if (!is_right(it->second.kind)) throw DecodeError(no_object);
    ++it->second.times;
    return;
  }
  auto* const head = living_object(object);
  if (head == nullptr) throw DecodeError(no_object);
  const auto its_kind = copied(head->kind);
  if (!is_right(its_kind)) throw DecodeError(no_object);
  const auto entry = free_entry();
  const auto it = mine.objects.emplace(object, Holds::Held{1, its_kind, entry}).first;
  if (change(*head, object, 1, 0, wide(entry_at(entry), object | held)) == Changed::no) {
    mine.objects.erase(it);
    throw DecodeError("a message names a shared object that does not exist any more");
  }
}

}  // namespace

void register_kind(std::uint32_t kind, Repair repair, Destroy destroy) {
  holds().kinds.at(kind) = {repair, destroy};
}

void hold_new(std::uint64_t object) {
  auto& mine = holds();
  const std::lock_guard lock(mine.mutex);
  const auto entry = free_entry();
  auto& head = *object_at<ObjectHeader>(object);
  mine.objects.emplace(object, Holds::Held{1, head.kind, entry});
  head.references.store(References::make(1, 0, 0).bits);
  entry_at(entry).store(object | held);
}

void hold(std::uint64_t object) { hold_once_more(object, 0); }
void hold(std::uint64_t object, std::uint32_t kind) { hold_once_more(object, kind); }

void let_go(std::uint64_t object) noexcept {
  if (forbidden()) return;  // the handle is a copy that holds no reference
  auto& mine = holds();
  std::unique_lock lock(mine.mutex);
  const auto it = mine.objects.find(object);
  if (it == mine.objects.end() || --it->second.times > 0) return;
  auto& entry = entry_at(it->second.entry);
  mine.objects.erase(it);
  const bool last = change(*object_at<ObjectHeader>(object), object, -1, 0, wide(entry, object | going)) ==
                    Changed::to_zero;
  lock.unlock();
  if (last) destroy(object);
  entry.store(0);
}

bool holds_anything() {
  auto& mine = holds();
  const std::lock_guard lock(mine.mutex);
  return !mine.objects.empty();
}

void count_in(std::uint64_t object, std::atomic<std::uint32_t>& word, std::uint32_t says) {
  const std::lock_guard lock(holds().mutex);
  auto* const head = living_object(object);
  if (head == nullptr || change(*head, object, 1, 0, narrow(word, says)) == Changed::no) word.store(says);
}

void count_out(std::uint64_t object, std::atomic<std::uint32_t>& word, std::uint32_t says) noexcept {
  drop(object, narrow(word, says));
}

void leave(std::uint64_t object) {
  const std::lock_guard lock(holds().mutex);
  auto* const head = living_object(object);
  if (head == nullptr) return;
  change(*head, object, 1, 0, wide(entry_at(free_entry()), object | left));
}

void pick_up(std::uint64_t object, std::uint32_t member) {
  hold(object);
  auto* const ledger = member != 0 ? ledger_of(member) : nullptr;
  if (ledger == nullptr) return;
  auto* const end = std::end(ledger->objects);
  auto* const entry = std::find_if(std::begin(ledger->objects), end,
                                   [&](const auto& one) { return one.load() == (object | left); });
  if (entry != end) drop(object, wide(*entry, 0));
}

std::vector<std::uint64_t> hold_for_child() {
  auto& mine = holds();
  const std::lock_guard lock(mine.mutex);
  std::vector<std::uint64_t> all;
  all.reserve(mine.objects.size());
  for (auto& [object, held] : mine.objects) {
    ++held.times;
    all.push_back(object);
  }
  return all;
}

void keep_what_is_held() {
  auto& mine = holds();
  const std::lock_guard lock(mine.mutex);
  for (auto& [object, held] : mine.objects) ++held.times;
}

void forget_holds(bool inherits) {
  auto& mine = holds();
  new (&mine.mutex) std::mutex;  // another thread of the parent may have held it
  mine.ledger = nullptr;
  auto inherited = std::exchange(mine.objects, {});
  if (!inherits) return;
  for (auto& [object, held] : inherited) {
    hold(object);  // the parent's reference for this child (hold_for_child) keeps it alive
    mine.objects.at(object).times = held.times - 1;
  }
}

void let_go_for_dead(std::uint32_t dead) {
  finish_step_of(dead);
  auto* const ledger = ledger_of(dead);
  if (ledger == nullptr) return;
  // First repair all, then release all: a value that goes back into one queue may name another.
  for (const auto& entry : ledger->objects) {
    const auto object = object_in(entry.load());
    const auto* head = object != 0 ? living_object(object) : nullptr;
    if (head == nullptr || entry_kind(entry.load()) != held) continue;
    try {
      holds().kinds[copied(head->kind)].repair(object, dead);
    } catch (const std::exception&) {  // overwritten, or no memory: go on with the others
    }
  }
  for (auto& entry : ledger->objects) {
    const auto was = entry.load();
    if (was == 0) continue;
    const auto object = object_in(was);
    if (entry_kind(was) != going) {
      drop(object, wide(entry, 0));
      continue;
    }
    // The dead process was destroying the object only if it dropped the last reference.
    const auto* head = object_header(object);
    const References seen{head != nullptr ? head->references.load() : References::make(1, 0, 0).bits};
    if (seen.count() == 0 && seen.by() == dead) destroy(object);
    entry.store(0);
  }
}

}  // namespace brood::arena
