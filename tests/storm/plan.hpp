#pragma once
// What a round is made of: all of it follows from the seed and the number of the round. What does not: at
// which instruction a move finds its victim, and how many of the moves come before the tasks are done.

#include <cstdint>
#include <string>
#include <vector>

#include "shapes.hpp"

namespace storm {

/// What the client does with a task's future.
enum class Then : std::uint32_t { keep, drop, callback, glance, wait, cancel, kill, count };
struct Item {
  Spec spec;
  Then then = Then::keep;
  std::uint32_t patience = 0;  // microseconds, of wait, cancel and kill
};

enum class Way : std::uint32_t { singly, map, imap, imap_unordered, wait_any, count };
struct Burst {
  Way way = Way::singly;
  std::vector<Item> items;
};

struct ClientPlan {
  std::uint32_t window = 1;  // futures that it holds at once
  std::vector<Burst> bursts;
};

enum class Fate : std::uint32_t { join, destroy, close, terminate, count };
struct PoolPlan {
  int workers = 1;
  int tasks_per_child = 0;  // 0: no limit
  bool initializer = false;
  Fate fate = Fate::join;
  std::uint32_t fate_ms = 0;  // of close and terminate: when, in the middle of it
  std::vector<ClientPlan> clients;
};

/// A queue, the processes at both its ends, and the numbers of the values that its writers put.
struct QueuePlan {
  std::int64_t max_size = 0;
  std::uint32_t writers = 0, readers = 0;
  std::uint32_t values_each = 0;  // by each writer, until it is killed or done
  std::uint32_t budget = 0;       // by all of them: where nothing bounds the queue it must fit into the arena
  std::uint64_t seed = 0;
};

struct Move {
  std::size_t kind = 0;     // a row of adversary.cpp's table
  std::uint32_t after = 0;  // microseconds since the one before
  std::uint32_t lasts = 0;  // milliseconds, of what is undone
  std::uint64_t dice = 0;   // who
};

struct Round {
  std::uint64_t seed = 0;
  std::uint32_t number = 0;
  std::vector<PoolPlan> pools;
  std::vector<QueuePlan> queues;
  std::vector<Move> moves;
  std::uint32_t ids = 0, values = 0;
  std::uint64_t bytes = 0;  // of all arguments and results together
};

struct Limits {
  int workers = 64;
};

Round make_round(std::uint64_t seed, std::uint32_t number, const Limits& limits);
/// The plan as text, to read and to compare.
std::string describe(const Round& round);

}  // namespace storm
