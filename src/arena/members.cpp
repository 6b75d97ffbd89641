#include "arena/members.hpp"

#include <algorithm>
#include <array>
#include <brood/errors.hpp>
#include <map>
#include <mutex>

#include "arena/arena.hpp"
#include "base/copied.hpp"
#include "base/planted.hpp"
#include "platform/child.hpp"
#include "platform/memory.hpp"

namespace brood::arena {
namespace {

// {pid 32 | generation 24 | state 8}
enum : std::uint64_t { nobody = 0, living = 1, burying = 2 };
constexpr std::uint64_t make_word(std::uint64_t pid, std::uint64_t generation, std::uint64_t state) {
  return pid << 32 | (generation & 0xffffff) << 8 | state;
}
constexpr std::uint64_t pid_in(std::uint64_t word) { return word >> 32; }
constexpr std::uint64_t generation_in(std::uint64_t word) { return word >> 8 & 0xffffff; }
constexpr std::uint64_t state_in(std::uint64_t word) { return word & 0xff; }

struct Kind {
  Repair repair = nullptr;
  Destroy destroy = nullptr;
};

// This process's own view; nothing in it is shared.
struct Own {
  std::mutex mutex;
  std::atomic<std::uint32_t> number{0};
  Ledger* ledger = nullptr;
  std::map<std::uint64_t, std::pair<std::uint32_t, std::size_t>>
      held;  // object -> how often, entry in the ledger
  std::array<Kind, 16> kinds;
};

Own& own() {
  static Own* const it = new Own;  // outlives every static handle
  return *it;
}

ObjectHeader* object_header(std::uint64_t object) { return object_at<ObjectHeader>(object); }

void enter() {
  auto& me = own();
  const auto pid = static_cast<std::uint64_t>(platform::self_pid());
  auto& head = header();
  const auto most = most_members();
  for (std::uint32_t n = 1; n < most; ++n) {
    Member& m = members()[n];
    auto seen = m.word.load();
    if (state_in(seen) != nobody) continue;
    if (!m.word.compare_exchange_strong(seen, make_word(pid, generation_in(seen) + 1, living))) continue;
    // Killed from here on it is found by its pid; what follows may still be that of its predecessor only
    // where the grave-digger left it at zero.
    m.parent.store(static_cast<std::uint32_t>(platform::parent_pid()));
    auto used = head.members_used.load();
    while (used < n + 1 && !head.members_used.compare_exchange_weak(used, n + 1)) {
    }
    me.number.store(n, std::memory_order_release);
    return;
  }
  throw NoMemory("more than " + std::to_string(most - 1) +
                 " processes share memory; ask for more with brood::init(argc, argv, {.members = ...})");
}

// Slots below this one have been used.
std::uint32_t members_used() { return std::min(header().members_used.load(), most_members()); }

// Of this member, if it has one: what its word says may be noise.
Ledger* ledger_of(std::uint32_t number) {
  const auto at = members()[number].ledger.load();
  return size_at(at, number) >= sizeof(Ledger) ? object_at<Ledger>(at) : nullptr;
}

std::uint32_t enter_once_locked() {
  auto& me = own();
  if (me.number.load(std::memory_order_relaxed) == 0) enter();
  return me.number.load(std::memory_order_relaxed);
}

// An entry of the ledger for the object; the mutex is held.
std::size_t note(std::uint64_t object) {
  auto& me = own();
  const auto number = enter_once_locked();
  if (me.ledger == nullptr) {
    const Run run = allocate(sizeof(Ledger));
    me.ledger = object_at<Ledger>(run.offset);
    for (auto& entry : me.ledger->objects) entry.store(0, std::memory_order_relaxed);
    member(number).ledger.store(run.offset, std::memory_order_release);
  }
  for (std::size_t i = 0; i < Ledger::capacity; ++i) {
    if (me.ledger->objects[i].load(std::memory_order_relaxed) != 0) continue;
    me.ledger->objects[i].store(object, std::memory_order_release);
    return i;
  }
  throw NoMemory("one process holds more than " + std::to_string(Ledger::capacity) +
                 " shared objects (queues)");
}

// `least`: what this process itself holds of it. Below that it does not fall, whatever noise has been given
// back in its name.
void drop_reference(std::uint64_t object, std::uint32_t least = 0) {
  ObjectHeader* head = object_header(object);
  auto seen = head->references.load();
  do {
    if (seen <= least) return;
  } while (!head->references.compare_exchange_weak(seen, seen - 1));
  if (seen != 1) return;
  const auto kind = copied(head->kind);
  if (kind >= own().kinds.size() || own().kinds[kind].destroy == nullptr) return;
  try {
    own().kinds[kind].destroy(object);
  } catch (const std::exception&) {  // it was overwritten: what cannot be found in it stays where it is
  }
}

std::uint32_t held_here(std::uint64_t object) {
  auto& me = own();
  const std::lock_guard lock(me.mutex);
  return me.held.contains(object) ? 1 : 0;
}

}  // namespace

std::uint32_t self_member() {
  auto& me = own();
  if (const auto number = me.number.load(std::memory_order_acquire)) return number;
  const std::lock_guard lock(me.mutex);
  return enter_once_locked();
}

Member& member(std::uint32_t number) { return members()[number]; }

void become_new_process(bool inherits) {
  auto& me = own();
  new (&me.mutex) std::mutex;  // another thread of the parent may have held it
  me.number.store(0);
  me.ledger = nullptr;
  if (!inherits) {
    me.held.clear();
    return;
  }
  for (auto& [object, entry] : me.held) entry.second = note(object);
}

std::vector<std::uint64_t> count_for_child() {
  auto& me = own();
  const std::lock_guard lock(me.mutex);
  std::vector<std::uint64_t> counted;
  for (const auto& [object, entry] : me.held) {
    object_header(object)->references.fetch_add(1);
    counted.push_back(object);
  }
  return counted;
}

void keep_what_is_held() {
  auto& me = own();
  const std::lock_guard lock(me.mutex);
  for (auto& [object, entry] : me.held) ++entry.first;
}

void uncount(const std::vector<std::uint64_t>& objects) {
  for (const auto object : objects) drop_reference(object);
}

void register_kind(std::uint32_t kind, Repair repair, Destroy destroy) {
  own().kinds.at(kind) = {repair, destroy};
}

void hold(std::uint64_t object, std::uint32_t kind, bool counted) {
  ObjectHeader* head = object_header(object);
  if (object % chunk_size != 0 || copied(head->kind) != kind || head->references.load() == 0 ||
      !run_begins_at(object)) {
    throw DecodeError("a message names a shared object that does not exist");
  }
  auto& me = own();
  const std::lock_guard lock(me.mutex);
  const auto it = me.held.find(object);
  if (it != me.held.end()) {
    ++it->second.first;
    if (counted) head->references.fetch_sub(1);  // not the last: this process holds one
    return;
  }
  // Into the ledger first: killed in between, the object is let go once for the entry and never for the
  // message.
  const auto entry = note(object);
  if (!counted) head->references.fetch_add(1);
  try {
    me.held.emplace(object, std::pair{1U, entry});
  } catch (const std::bad_alloc&) {  // the message's reference stays the message's
    me.ledger->objects[entry].store(0);
    if (!counted) head->references.fetch_sub(1);
    throw;
  }
}

void let_go(std::uint64_t object) {
  if (forbidden()) return;  // the handle is a copy that counts nothing
  auto& me = own();
  {
    const std::lock_guard lock(me.mutex);
    const auto it = me.held.find(object);
    if (it == me.held.end() || --it->second.first > 0) return;
    me.ledger->objects[it->second.second].store(0, std::memory_order_release);
    me.held.erase(it);
  }
  drop_reference(object);
}

namespace {

// Nothing unless it is one that lives: what is asked after may be noise.
ObjectHeader* living_object(std::uint64_t object) {
  if (!run_begins_at(object)) return nullptr;
  ObjectHeader* head = object_header(object);
  const auto kind = copied(head->kind);
  const bool known = kind < own().kinds.size() && own().kinds[kind].destroy != nullptr;
  return known && head->references.load() != 0 ? head : nullptr;
}

}  // namespace

void count_message(std::uint64_t object) {
  if (auto* head = living_object(object)) head->references.fetch_add(1);
}
void take_back(std::uint64_t object) {
  if (living_object(object) != nullptr) drop_reference(object, held_here(object));
}

bool holds_anything() {
  auto& me = own();
  const std::lock_guard lock(me.mutex);
  return !me.held.empty();
}

namespace {

void repair_object(std::uint64_t object, std::uint32_t dead) {
  if (living_object(object) == nullptr) return;
  const auto kind = copied(object_header(object)->kind);
  if (kind >= own().kinds.size() || own().kinds[kind].repair == nullptr) return;
  try {
    own().kinds[kind].repair(object, dead);
  } catch (const std::exception&) {  // overwritten, or no memory for what it needs: the others need theirs
  }
}

void bury_member(std::uint32_t number, std::uint64_t word) {
  Member& m = members()[number];
  if (!m.word.compare_exchange_strong(word, make_word(pid_in(word), generation_in(word), burying))) return;
  if (const auto* ledger = ledger_of(number)) {
    std::vector<std::uint64_t> held;
    for (const auto& entry : ledger->objects) {
      if (const auto object = entry.load()) held.push_back(object);
    }
    // First repair all, then let go of all: a value that goes back into one queue may name another.
    for (const auto object : held) repair_object(object, number);
    for (const auto object : held) take_back(object);
  }
  if (m.uses.load() != 0 && !planted("dead_keeps_memory")) free_all_of(number);
  m.ledger.store(0);
  m.uses.store(0);
  m.settled.store(0);
  m.taken.store(0);
  m.parent.store(0);
  m.word.store(make_word(0, generation_in(word), nobody));
}

}  // namespace

void mark_settled() {
  if (const auto number = own().number.load()) member(number).settled.store(1);
}

std::atomic<std::uint32_t>& taken_at_birth() { return member(self_member()).taken; }

std::uint32_t member_of(std::int32_t pid) {
  const auto used = exists() ? members_used() : 0;
  for (std::uint32_t n = 1; n < used; ++n) {
    const auto word = members()[n].word.load();
    if (state_in(word) == living && pid_in(word) == static_cast<std::uint64_t>(pid)) return n;
  }
  return 0;
}

bool in_ledger(std::uint32_t dead, std::uint64_t object) {
  const auto* ledger = dead != 0 ? ledger_of(dead) : nullptr;
  return ledger != nullptr && std::any_of(std::begin(ledger->objects), std::end(ledger->objects),
                                          [&](const auto& entry) { return entry.load() == object; });
}

void let_go_for(std::int32_t pid, const std::vector<std::uint64_t>& given) {
  if (given.empty() || !exists()) return;
  const auto dead = member_of(pid);
  if (dead != 0 && members()[dead].settled.load() != 0) return;
  const std::uint32_t told = dead != 0 ? members()[dead].taken.load() : 0;
  for (std::size_t i = told / 2; i < given.size(); ++i) {
    const bool perhaps = i == told / 2 && told % 2 != 0;
    if (!perhaps || !in_ledger(dead, given[i])) take_back(given[i]);
  }
}

namespace {

// A child of one that has died: its lifeline ends it within a moment, and if it has left its process group,
// this does. Nobody else is left to bury it. The number of the process stands where anybody may write: one
// that may not be killed, or is this one or an ancestor, was never such a child.
void end_orphan(std::int32_t pid, std::uint32_t number, std::uint64_t word) {
  if (pid <= 1 || pid == platform::self_pid() || pid == platform::parent_pid()) return;
  const auto process = platform::open_process(pid);
  if (process && members()[number].word.load() == word) {
    if (!platform::send_kill(process)) return;
    platform::wait_ended(process, detail::Deadline::never());
  }
}

// `depth`: a family tree that is noise may have circles.
void bury(std::int32_t pid, std::uint32_t depth) {
  const auto used = members_used();
  for (std::uint32_t n = 1; n < used; ++n) {
    const auto word = members()[n].word.load();
    if (state_in(word) != living) continue;
    if (pid_in(word) == static_cast<std::uint64_t>(pid)) {
      if (n != own().number.load()) bury_member(n, word);
    } else if (depth > 0 && n != own().number.load() &&
               members()[n].parent.load() == static_cast<std::uint32_t>(pid)) {
      const auto child = static_cast<std::int32_t>(pid_in(word));
      end_orphan(child, n, word);
      bury(child, depth - 1);
    }
  }
}

}  // namespace

void bury(std::int32_t pid) {
  if (exists()) bury(pid, 64);
}

std::uint32_t member_count() {
  std::uint32_t n = 0;
  const auto used = members_used();
  for (std::uint32_t i = 1; i < used; ++i) n += state_in(members()[i].word.load()) == living;
  return n;
}

}  // namespace brood::arena
