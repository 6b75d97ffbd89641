#include "plan.hpp"

#include <algorithm>
#include <sstream>

#include "adversary.hpp"
#include "books.hpp"
#include "dice.hpp"

namespace storm {
namespace {

constexpr std::uint32_t mebibyte = 1 << 20;

// Bytes of an argument or a result: most of them small, some of them far beyond a slot and a chunk.
std::uint32_t some_bytes(Dice& dice) {
  const auto kind = dice.below(1000);
  if (kind < 500) return 0;
  if (kind < 850) return dice.between(1, 400);  // around what fits into a slot
  if (kind < 970) return dice.between(400, 70'000);
  if (kind < 995) return dice.between(70'000, mebibyte / 2);
  return dice.between(mebibyte / 2, 4 * mebibyte);
}

std::uint32_t some_work(Dice& dice) {
  const auto kind = dice.below(1000);
  if (kind < 800) return dice.between(1, 50);
  if (kind < 980) return dice.between(50, 1000);
  return dice.between(1000, 20'000);
}

Spec draw(Dice& dice, std::uint32_t id, std::uint32_t depth, bool child, bool map) {
  Spec spec;
  spec.id = id;
  for (;;) {
    spec.shape = static_cast<Shape>(dice.row_of(shapes));
    const auto& row = row_of(spec.shape);
    const bool nests = spec.shape == Shape::ask || spec.shape == Shape::nest;
    if ((!child || row.in_child) && (!map || row.in_map) && (depth > 0 || !nests)) {
      spec.depth = nests ? depth : 0;
      break;
    }
  }
  spec.seed = dice();
  spec.micros = some_work(dice);
  if (spec.shape != Shape::empty) spec.in = map ? 0 : some_bytes(dice), spec.out = some_bytes(dice);
  if (spec.depth > 0) spec.children = dice.between(1, most_children);
  if (spec.shape == Shape::offer || spec.shape == Shape::put) spec.values = dice.between(1, 8);
  spec.care = static_cast<Care>(dice.row_of(cares));
  if (map || (spec.care == Care::idempotent && !row_of(spec.shape).again)) spec.care = Care::none;
  spec.limit = dice.skewed(30'000);
  return spec;
}

Item draw_item(Dice& dice, Round& round, Way way) {
  Item item;
  const std::uint32_t depth = dice.chance(20) ? 2 : 1;
  item.spec = draw(dice, round.ids, depth, false, way != Way::singly);
  round.ids += ids_of(item.spec.depth);
  if (item.spec.shape == Shape::put) {
    item.spec.first_value = round.values;
    round.values += item.spec.values;
  }
  round.bytes += item.spec.in + item.spec.out;
  const auto then = dice.below(100);
  item.then = then < 60   ? Then::keep
              : then < 72 ? Then::drop
              : then < 80 ? Then::callback
              : then < 86 ? Then::glance
              : then < 93 ? Then::wait
              : then < 97 ? Then::cancel
                          : Then::kill;
  item.patience = dice.skewed(20'000);
  return item;
}

ClientPlan draw_client(Dice& dice, Round& round, std::uint32_t tasks) {
  ClientPlan client;
  client.window = dice.between(1, 1 + dice.skewed(127));
  while (tasks > 0) {
    Burst burst;
    burst.way = dice.chance(70) ? Way::singly : static_cast<Way>(dice.below(static_cast<int>(Way::count)));
    const auto n = std::min(tasks, dice.between(1, 60));
    for (std::uint32_t i = 0; i < n; ++i) burst.items.push_back(draw_item(dice, round, burst.way));
    tasks -= n;
    client.bursts.push_back(std::move(burst));
  }
  return client;
}

PoolPlan draw_pool(Dice& dice, Round& round, const Limits& limits) {
  PoolPlan pool;
  const std::uint32_t sizes[] = {1, 2, 2, 3, 4, 4, 6, 8, 16, dice.between(1, 64)};
  pool.workers = std::min(static_cast<int>(sizes[dice.below(std::size(sizes))]), limits.workers);
  if (dice.chance(30)) pool.tasks_per_child = static_cast<int>(dice.between(1, 30));
  pool.initializer = dice.chance(20);
  const auto fate = dice.below(100);
  pool.fate = fate < 50 ? Fate::join : fate < 75 ? Fate::destroy : fate < 85 ? Fate::close : Fate::terminate;
  pool.fate_ms = dice.between(0, 800);
  const auto clients = dice.between(1, 4);
  const auto tasks = dice.between(100, 100 + dice.skewed(2000)) / clients;
  for (std::uint32_t i = 0; i < clients; ++i) pool.clients.push_back(draw_client(dice, round, tasks + 1));
  return pool;
}

}  // namespace

Spec child_of(const Spec& parent, std::uint32_t i) {
  Dice dice(parent.seed, i);
  return draw(dice, parent.id + 1 + i * ids_of(parent.depth - 1), parent.depth - 1, true, false);
}

std::vector<std::uint8_t> noise(std::uint64_t seed, std::uint32_t size) {
  std::vector<std::uint8_t> bytes(size);
  Dice dice(seed);
  std::uint32_t at = 0;
  for (; at + 8 <= size; at += 8) {
    const auto word = dice();
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&word), 8, bytes.begin() + at);
  }
  for (; at < size; ++at) bytes[at] = static_cast<std::uint8_t>(dice());
  return bytes;
}

std::uint64_t sum_of(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t sum = 1469598103934665603U ^ bytes.size();
  for (const auto byte : bytes) sum = (sum ^ byte) * 1099511628211U;
  return sum;
}

Round make_round(std::uint64_t seed, std::uint32_t number, const Limits& limits) {
  Dice dice(seed, number);
  Round round;
  round.seed = seed;
  round.number = number;
  const auto queues = dice.between(1, 2);
  for (std::uint32_t i = 0; i < queues; ++i) {
    QueuePlan queue;
    queue.max_size = dice.chance(50) ? 0 : dice.between(1, 64);
    queue.writers = dice.between(0, 3);
    queue.readers = dice.between(0, 3);
    queue.values_each = dice.between(1, 1 + dice.skewed(Books::most_values / 64));
    queue.budget = queue.max_size == 0 ? 800 : Books::most_values;
    queue.values_each = std::min(queue.values_each, queue.budget / 2);
    queue.seed = dice();
    round.queues.push_back(queue);
  }
  const auto pools = dice.between(1, 3);
  for (std::uint32_t i = 0; i < pools; ++i) round.pools.push_back(draw_pool(dice, round, limits));
  // Some rounds are wild, some are nearly calm.
  const auto pace = dice.between(1'000, 30'000);
  for (int i = 0; i < 200; ++i) {
    Move move;
    move.kind = dice.row_of(moves());
    move.after = dice.skewed(pace * 2);
    move.lasts = dice.skewed(250);
    move.dice = dice();
    round.moves.push_back(move);
  }
  return round;
}

std::string describe(const Round& round) {
  std::ostringstream out;
  out << "round " << round.number << " of seed " << round.seed << ": " << round.ids << " ids\n";
  for (const auto& queue : round.queues) {
    out << "  queue: max_size " << queue.max_size << ", " << queue.writers << " writers, " << queue.readers
        << " readers, " << queue.values_each << " values each\n";
  }
  for (const auto& pool : round.pools) {
    out << "  pool: " << pool.workers << " workers, " << pool.tasks_per_child << " tasks each, fate "
        << static_cast<int>(pool.fate) << " after " << pool.fate_ms << " ms\n";
    for (const auto& client : pool.clients) {
      out << "    client: window " << client.window << '\n';
      for (const auto& burst : client.bursts) {
        out << "      way " << static_cast<int>(burst.way) << ':';
        for (const auto& item : burst.items) {
          const auto& s = item.spec;
          out << ' ' << s.id << '-' << row_of(s.shape).name << '/' << s.micros << '/' << s.in << '/' << s.out
              << '/' << s.children << '/' << cares[static_cast<std::size_t>(s.care)].name << '/' << s.limit
              << '/' << static_cast<int>(item.then) << '/' << item.patience;
        }
        out << '\n';
      }
    }
  }
  for (const auto& move : round.moves) {
    out << "  move: " << moves()[move.kind].name << " after " << move.after << " us for " << move.lasts
        << " ms, " << move.dice << '\n';
  }
  return out.str();
}

}  // namespace storm
