#pragma once
// The adversary: makes one move after the other, and undoes in time what is to be undone.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "dice.hpp"
#include "plan.hpp"
#include "processes.hpp"

namespace storm {

class Adversary;
struct MoveRow {
  std::string_view name;
  unsigned weight;
  std::uint32_t weather;  // what becomes lawful by it
  void (Adversary::*make)(const Move&);
};
/// The moves there are; another one is a row here and a function.
std::span<const MoveRow> moves();

class Adversary {
 public:
  explicit Adversary(const Round& round) : round_(round) {}
  /// Until all moves are made or somebody says stop; then everything is as before.
  void run();
  void stop() { stop_ = true; }
  std::size_t made() const { return made_; }

  void kill_worker(const Move&);
  void kill_several(const Move&);
  void kill_newborn(const Move&);
  void kill_server(const Move&);
  void kill_actor(const Move&);
  void kill_deep(const Move&);
  void stop_worker(const Move&);
  void stop_server(const Move&);
  void stop_actor(const Move&);
  void stop_then_kill(const Move&);
  void exhaust_descriptors(const Move&);
  void fill_arena(const Move&);

 private:
  using Clock = std::chrono::steady_clock;
  struct Later {
    Clock::time_point when;
    std::function<void()> undo;
  };
  Victim child_named(std::string_view prefix, Dice& dice);
  Victim one_server(Dice& dice);
  static void kill(const Victim& victim);
  void stop_for(Victim victim, std::uint32_t milliseconds, bool then_kill);
  void later(std::uint32_t milliseconds, std::function<void()> undo);
  void undo_due(Clock::time_point now);
  void sleep_until(Clock::time_point when);

  const Round& round_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> made_{0};
  std::vector<Later> later_;
  std::vector<Victim> reserve_;  // opened while there were descriptors
  std::set<int> bereft_;         // whose server was killed in this round
  bool starved_ = false, filled_ = false;
};

}  // namespace storm
