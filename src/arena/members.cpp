#include "arena/members.hpp"

#include <algorithm>
#include <array>
#include <brood/errors.hpp>
#include <map>
#include <mutex>

#include "arena/arena.hpp"
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

Member* members() { return reinterpret_cast<Member*>(at(header().members, 0)); }

ObjectHeader* object_header(std::uint64_t object) { return object_at<ObjectHeader>(object); }

void enter() {
  auto& me = own();
  const auto pid = static_cast<std::uint64_t>(platform::self_pid());
  auto& head = header();
  for (std::uint32_t n = 1; n < head.member_count; ++n) {
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
  throw NoMemory("more than " + std::to_string(head.member_count - 1) +
                 " processes share memory; ask for more with brood::init(argc, argv, {.members = ...})");
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

void drop_reference(std::uint64_t object) {
  ObjectHeader* head = object_header(object);
  if (head->references.fetch_sub(1) != 1) return;
  const auto kind = head->kind;
  if (kind < own().kinds.size() && own().kinds[kind].destroy != nullptr) own().kinds[kind].destroy(object);
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
  if (object % chunk_size != 0 || head->kind != kind || head->references.load() == 0) {
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
  me.held.emplace(object, std::pair{1U, entry});
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
  const bool known = head->kind < own().kinds.size() && own().kinds[head->kind].destroy != nullptr;
  return known && head->references.load() != 0 ? head : nullptr;
}

}  // namespace

void count_message(std::uint64_t object) {
  if (auto* head = living_object(object)) head->references.fetch_add(1);
}
void take_back(std::uint64_t object) {
  if (living_object(object) != nullptr) drop_reference(object);
}

bool holds_anything() {
  auto& me = own();
  const std::lock_guard lock(me.mutex);
  return !me.held.empty();
}

namespace {

void bury_member(std::uint32_t number, std::uint64_t word) {
  Member& m = members()[number];
  if (!m.word.compare_exchange_strong(word, make_word(pid_in(word), generation_in(word), burying))) return;
  if (const auto ledger_at = m.ledger.load()) {
    const auto* ledger = object_at<Ledger>(ledger_at);
    // First repair all, then let go of all: a value that goes back into one queue may name another.
    for (const auto& entry : ledger->objects) {
      const auto object = entry.load();
      if (living_object(object) == nullptr) continue;
      if (const auto repair = own().kinds[object_header(object)->kind].repair) repair(object, number);
    }
    for (const auto& entry : ledger->objects) take_back(entry.load());
  }
  if (m.uses.load() != 0) free_all_of(number);
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
  const auto used = exists() ? header().members_used.load() : 0;
  for (std::uint32_t n = 1; n < used; ++n) {
    const auto word = members()[n].word.load();
    if (state_in(word) == living && pid_in(word) == static_cast<std::uint64_t>(pid)) return n;
  }
  return 0;
}

bool in_ledger(std::uint32_t dead, std::uint64_t object) {
  const auto at = dead != 0 ? members()[dead].ledger.load() : 0;
  if (at == 0) return false;
  const auto* ledger = object_at<Ledger>(at);
  return std::any_of(std::begin(ledger->objects), std::end(ledger->objects),
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

void bury(std::int32_t pid) {
  if (!exists()) return;
  const auto used = header().members_used.load();
  for (std::uint32_t n = 1; n < used; ++n) {
    const auto word = members()[n].word.load();
    if (state_in(word) != living) continue;
    if (pid_in(word) == static_cast<std::uint64_t>(pid)) {
      bury_member(n, word);
    } else if (members()[n].parent.load() == static_cast<std::uint32_t>(pid)) {
      // A child of the dead: its lifeline ends it within a moment, and if it has left its process group, this
      // does. Nobody else is left to bury it.
      const auto child = static_cast<std::int32_t>(pid_in(word));
      const auto process = platform::open_process(child);
      if (process && members()[n].word.load() == word) {
        platform::send_kill(process);
        platform::wait_ended(process, detail::Deadline::never());
      }
      bury(child);
    }
  }
}

std::uint32_t member_count() {
  std::uint32_t n = 0;
  const auto used = header().members_used.load();
  for (std::uint32_t i = 1; i < used; ++i) n += state_in(members()[i].word.load()) == living;
  return n;
}

}  // namespace brood::arena
