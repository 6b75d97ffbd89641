#include "adversary.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <brood/errors.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>

#include "books.hpp"
#include "process/server.hpp"

namespace storm {
namespace {

using namespace std::chrono_literals;

constexpr MoveRow table[] = {
    {"kill a worker", 300, deaths, &Adversary::kill_worker},
    {"kill several workers", 40, deaths, &Adversary::kill_several},
    {"kill a newborn", 40, deaths, &Adversary::kill_newborn},
    {"kill a server", 40, 0, &Adversary::kill_server},
    {"kill an actor", 60, 0, &Adversary::kill_actor},
    {"kill deep below", 60, deaths, &Adversary::kill_deep},
    {"stop a worker", 30, 0, &Adversary::stop_worker},
    {"stop a server", 10, 0, &Adversary::stop_server},
    {"stop an actor", 10, 0, &Adversary::stop_actor},
    {"stop, then kill", 20, deaths, &Adversary::stop_then_kill},
    {"no descriptors", 4, no_descriptors, &Adversary::exhaust_descriptors},
    {"no memory", 4, no_memory, &Adversary::fill_arena},
};

}  // namespace

std::span<const MoveRow> moves() { return table; }

void Adversary::run() {
  auto due = Clock::now();
  for (const auto& move : round_.moves) {
    due += std::chrono::microseconds(move.after);
    sleep_until(due);
    if (stop_) break;
    try {
      (this->*table[move.kind].make)(move);
    } catch (const brood::Error&) {  // it has no memory itself
    }
    ++made_;
  }
  while (!stop_ && !later_.empty()) sleep_until(Clock::now() + 1ms);
  undo_due(Clock::time_point::max());
}

void Adversary::sleep_until(Clock::time_point when) {
  for (;;) {
    const auto now = Clock::now();
    undo_due(now);
    if (now >= when || stop_) return;
    std::this_thread::sleep_for(std::min<Clock::duration>(when - now, 1ms));
  }
}

void Adversary::later(std::uint32_t milliseconds, std::function<void()> undo) {
  later_.push_back({Clock::now() + std::chrono::milliseconds(milliseconds), std::move(undo)});
}

void Adversary::undo_due(Clock::time_point now) {
  for (std::size_t i = 0; i < later_.size();) {
    if (later_[i].when > now) {
      ++i;
      continue;
    }
    const auto undo = std::move(later_[i].undo);
    later_.erase(later_.begin() + static_cast<std::ptrdiff_t>(i));
    undo();
  }
}

// ---- who ----

Victim Adversary::child_named(std::string_view prefix, Dice& dice) {
  if (starved_ && prefix == "storm-w") {
    if (reserve_.empty()) return {};
    Victim one = std::move(reserve_.back());
    reserve_.pop_back();
    return one;
  }
  const auto children = children_of(getpid());
  const auto from = dice.below(children.size());
  for (std::size_t i = 0; i < children.size(); ++i) {
    const int pid = children[(from + i) % children.size()];
    const auto seen = look_at(pid);
    if (!seen || !seen->name.starts_with(prefix)) continue;
    if (Victim one(pid, getpid()); one) return one;
  }
  return {};
}

// Never both: server and standby live, and are not busy with a succession.
Victim Adversary::one_server(Dice& dice) {
  const auto* control = brood::process::server_link().control();
  const int server = static_cast<int>(control->server.load());
  const int standby = static_cast<int>(control->standby.load());
  if (server == 0 || standby == 0 || server == standby) return {};
  Victim first(server, getpid());
  Victim second(standby, getpid());
  if (!first || !second) return {};
  return dice.chance(75) ? std::move(first) : std::move(second);
}

void Adversary::kill(const Victim& victim) {
  if (!victim) return;
  note_kill(victim.pid());
  victim.signal(SIGKILL);
}

// ---- moves ----

void Adversary::kill_worker(const Move& move) {
  Dice dice(move.dice);
  kill(child_named("storm-w", dice));
}

void Adversary::kill_several(const Move& move) {
  Dice dice(move.dice);
  std::vector<Victim> all;
  for (auto n = dice.between(2, 8); n > 0; --n) all.push_back(child_named("storm-w", dice));
  for (const auto& one : all) kill(one);
}

// Whoever still has the name of the server that cloned it.
void Adversary::kill_newborn(const Move& move) {
  Dice dice(move.dice);
  const auto* control = brood::process::server_link().control();
  for (int tries = 0; tries < 20; ++tries) {
    for (const int pid : children_of(getpid())) {
      if (pid == static_cast<int>(control->server.load()) || pid == static_cast<int>(control->standby.load()))
        continue;
      const auto seen = look_at(pid);
      if (!seen || seen->name != "brood-server") continue;
      Victim one(pid, getpid());
      // It may have become the standby, or been the server, since.
      if (pid == static_cast<int>(control->server.load()) || pid == static_cast<int>(control->standby.load()))
        continue;
      if (control->standby.load() == 0) continue;
      return kill(one);
    }
  }
  kill(child_named("storm-w", dice));
}

void Adversary::kill_server(const Move& move) {
  Dice dice(move.dice);
  const Victim server = one_server(dice);
  kill(server);
  if (server) server.wait_for_end();  // only then is it seen who is left
}

void Adversary::kill_actor(const Move& move) {
  Dice dice(move.dice);
  kill(child_named("storm-a", dice));
}

// Somebody below a worker; of a worker's own server and standby at most one in a round.
void Adversary::kill_deep(const Move& move) {
  Dice dice(move.dice);
  std::vector<Seen> all;
  for (const int child : children_of(getpid())) {
    for (auto& seen : all_below(child)) {
      if (seen.state != 'Z') all.push_back(std::move(seen));
    }
  }
  if (all.empty()) return kill_worker(move);
  const auto& seen = all[dice.below(all.size())];
  if (seen.name == "brood-server" && !bereft_.insert(seen.parent).second) return;
  kill(Victim(seen.pid, seen.parent));
}

void Adversary::stop_for(Victim victim, std::uint32_t milliseconds, bool then_kill) {
  if (!victim) return;
  victim.signal(SIGSTOP);
  ++books().stops;
  auto held = std::make_shared<Victim>(std::move(victim));
  later(milliseconds, [held, then_kill] { then_kill ? kill(*held) : held->signal(SIGCONT); });
}

void Adversary::stop_worker(const Move& move) {
  Dice dice(move.dice);
  stop_for(child_named("storm-w", dice), move.lasts, false);
}
void Adversary::stop_server(const Move& move) {
  Dice dice(move.dice);
  stop_for(one_server(dice), move.lasts, false);
}
void Adversary::stop_actor(const Move& move) {
  Dice dice(move.dice);
  stop_for(child_named("storm-a", dice), move.lasts, false);
}
void Adversary::stop_then_kill(const Move& move) {
  Dice dice(move.dice);
  stop_for(child_named("storm-w", dice), move.lasts, true);
}

// A few numbers are left, by the dice; the program's own processes get this limit too while it lasts.
void Adversary::exhaust_descriptors(const Move& move) {
  if (starved_) return;
  Dice dice(move.dice);
  for (int i = 0; i < 4; ++i) {
    if (auto one = child_named("storm-w", dice)) reserve_.push_back(std::move(one));
  }
  int highest = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fd"))
    highest = std::max(highest, std::stoi(one.path().filename().string()));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_cur, static_cast<rlim_t>(highest) + 1 + dice.below(6));
  setrlimit(RLIMIT_NOFILE, &low);
  starved_ = true;
  later(move.lasts, [this, before] {
    setrlimit(RLIMIT_NOFILE, &before);
    starved_ = false;
    reserve_.clear();
  });
}

void Adversary::fill_arena(const Move& move) {
  if (filled_) return;
  auto queue = std::make_shared<brood::Queue<std::vector<std::uint8_t>>>();
  for (std::size_t size = 8 << 20; size >= (32 << 10); size /= 4) {
    const std::vector<std::uint8_t> filling(size);
    try {
      while (!stop_) queue->put(filling);
    } catch (const brood::NoMemory&) {
    }
  }
  filled_ = true;
  later(move.lasts, [this, queue] { filled_ = false; });
}

}  // namespace storm
