#include "arena/members.hpp"

#include <algorithm>
#include <brood/errors.hpp>
#include <mutex>

#include "arena/arena.hpp"
#include "arena/references.hpp"
#include "base/immortal.hpp"
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

// This process's own view; nothing in it is shared.
struct Own {
  std::mutex mutex;
  std::atomic<std::uint32_t> number{0};
};

Own& own() {
  static Immortal<Own> it;  // outlives every static handle
  return *it;
}

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
    // From here on a killed process is found by its pid. The fields below were left at zero by whoever buried
    // the slot's previous member.
    m.parent.store(static_cast<std::uint32_t>(platform::parent_pid()));
    auto used = head.members_used.load();
    while (used < n + 1 && !head.members_used.compare_exchange_weak(used, n + 1)) {
    }
    // release: a thread that sees the number (self_member) sees the member's slot set up.
    me.number.store(n, std::memory_order_release);
    return;
  }
  throw NoMemory("more than " + std::to_string(most - 1) +
                 " processes share memory; ask for more with brood::init(argc, argv, {.members = ...})");
}

// Slots below this one have been used.
std::uint32_t members_used() { return std::min(header().members_used.load(), most_members()); }

std::uint32_t enter_once_locked() {
  auto& me = own();
  if (me.number.load(std::memory_order_relaxed) == 0) enter();
  return me.number.load(std::memory_order_relaxed);
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
  begin_life();
  forget_holds(inherits);
}

namespace {

// Idempotent: if the burying process is killed, the process that buries it starts this again from the
// beginning.
void bury_member(std::uint32_t number, std::uint64_t word) {
  Member& m = members()[number];
  if (!m.word.compare_exchange_strong(word, make_word(pid_in(word), generation_in(word), burying))) return;
  let_go_for_dead(number);
  if (m.uses.load() != 0 && !planted("dead_keeps_memory")) free_all_of(number);
  m.ledger.store(0);
  m.uses.store(0);
  m.parent.store(0);
  m.word.store(make_word(0, generation_in(word), nobody));
}

}  // namespace

std::uint32_t member_of(std::int32_t pid) {
  const auto used = exists() ? members_used() : 0;
  for (std::uint32_t n = 1; n < used; ++n) {
    const auto word = members()[n].word.load();
    if (state_in(word) == living && pid_in(word) == static_cast<std::uint64_t>(pid)) return n;
  }
  return 0;
}

namespace {

// Ends a child of a dead process, which nobody else is left to bury: its lifeline ends it within a moment,
// and if it has left its process group, this does. The pid comes from memory that anybody may write: a
// process that may not be killed, or that is this one or an ancestor, was never such a child.
void end_orphan(std::int32_t pid, std::uint32_t number, std::uint64_t word) {
  if (pid <= 1 || pid == platform::self_pid() || pid == platform::parent_pid()) return;
  const auto process = platform::open_process(pid);
  if (process && members()[number].word.load() == word) {
    if (!platform::send_kill(process)) return;
    platform::wait_ended(process, detail::Deadline::never());
  }
}

// `depth`: bounds the recursion, since a corrupt family tree may have cycles. `orphan`: its parent, which
// would have buried it, is dead, perhaps killed in the middle of that.
void bury(std::int32_t pid, std::uint32_t depth, bool orphan) {
  const auto used = members_used();
  // The process itself first: an interrupted burial of a child must be completed before it is repeated.
  for (std::uint32_t n = 1; n < used; ++n) {
    const auto word = members()[n].word.load();
    const bool due = state_in(word) == living || (state_in(word) == burying && orphan);
    if (due && pid_in(word) == static_cast<std::uint64_t>(pid) && n != own().number.load())
      bury_member(n, word);
  }
  for (std::uint32_t n = 1; n < used && depth > 0; ++n) {
    const auto word = members()[n].word.load();
    if (state_in(word) == nobody || n == own().number.load() ||
        members()[n].parent.load() != static_cast<std::uint32_t>(pid))
      continue;
    const auto child = static_cast<std::int32_t>(pid_in(word));
    if (state_in(word) == living) end_orphan(child, n, word);
    bury(child, depth - 1, true);
  }
}

}  // namespace

void bury(std::int32_t pid) {
  if (exists()) bury(pid, 64, false);
}

std::uint32_t member_count() {
  std::uint32_t n = 0;
  const auto used = members_used();
  for (std::uint32_t i = 1; i < used; ++i) n += state_in(members()[i].word.load()) == living;
  return n;
}

}  // namespace brood::arena
