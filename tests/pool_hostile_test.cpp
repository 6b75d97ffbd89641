// Pool: a task that writes noise over all it can reach. What lies in its own lane may be lost; nothing else
// is. What it can reach of the arena is tried in a program of its own, tests/children/hostile.cpp.

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <cstring>
#include <thread>

#include "noise.hpp"
#include "nothing_left.hpp"
#include "pool/lanes.hpp"
#include "run_program.hpp"

namespace pool_hostile {

using brood::pool::Lane;
using brood::pool::own_lane;

constexpr int most_tasks = 400;
// Who began which task last, in memory that no noise is written to.
struct Board {
  std::atomic<int> began[most_tasks];
  // More than one when it wrote that its own task was not begun.
  std::atomic<int> attackers[16], attacks;
};
Board* const board = static_cast<Board*>(
    mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

struct Told {
  int number = 0, pid = 0;
  std::string more;
};

/// A task of the others: the answer tells which it was; every fourth is too large for a slot.
Told innocent(int number, std::string more) {
  board->began[number] = getpid();
  if (number % 10 == 9) throw std::out_of_range("innocent " + std::to_string(number));
  return {number, getpid(), std::move(more)};
}
std::string more_of(int number) {
  return std::string(number % 4 == 0 ? 100'000 + static_cast<std::size_t>(number) : 3, 'a' + number % 26);
}

enum class How {
  bytes,   // any, over the whole lane
  slots,   // likely states and numbers in all slots
  states,  // nothing but states
  behind,  // the slots behind this one: what is not begun, or not filled yet
  up,      // the initializer has failed, it says
};

void write_noise(How how, noise::Random& random, std::span<const std::uint64_t> places) {
  Lane& lane = own_lane();
  switch (how) {
    case How::bytes:
      return noise::bytes({reinterpret_cast<std::byte*>(&lane), Lane::size_in_all}, random);
    case How::slots:
      for (auto& slot : lane.slots) noise::likely_slot(slot, random, places);
      return;
    case How::states:
      for (auto& slot : lane.slots) slot.state.store(static_cast<std::uint32_t>(random() % 8));
      return;
    case How::behind:
      for (int n = 0; n < 8; ++n) noise::likely_slot(lane.slots[random() % 40], random, places);
      return;
    case How::up:
      noise::likely_slot(lane.birth, random, places);
      lane.up.store(static_cast<std::uint32_t>(random() % 4));
      for (auto& slot : lane.slots) slot.state.store(static_cast<std::uint32_t>(random() % 8));
      return;
  }
}

std::vector<std::uint64_t> places_to_name(std::uint64_t object) {
  const auto results = own_lane().results;
  return {object, results, own_lane().asks, 0, 65536, 65536 * 17, results + 8, ~std::uint64_t{0}};
}

void begin_attack() {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  board->attackers[board->attacks++ % 16] = getpid();
}

int once(How how, std::uint64_t seed, std::uint64_t object) {
  begin_attack();
  noise::Random random(seed);
  write_noise(how, random, places_to_name(object));
  return 1;
}

// Goes on while the program takes results in, and dies after a while.
int without_end(How how, std::uint64_t seed, std::uint64_t object, int code) {
  begin_attack();
  std::thread([=, places = places_to_name(object)] {
    noise::Random random(seed);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    while (std::chrono::steady_clock::now() < until) write_noise(how, random, places);
    if (code >= 0) _exit(code);
  }).detach();
  return 1;
}

}  // namespace pool_hostile

namespace {

using namespace pool_hostile;
using namespace std::chrono_literals;

class PoolHostile : public testing::TestWithParam<How> {
 protected:
  // What stands by: a pool and a queue that the hostile task was never given.
  nothing_left::Memory memory_;
  brood::Pool other_{1};
  brood::Queue<std::string> queue_;
  const std::uint64_t object_ = brood::Codec<brood::Queue<std::string>>::object_of(queue_);

  void expect_others_right(int round) {
    const auto text = "still here " + std::to_string(round);
    queue_.put(text);
    EXPECT_EQ(queue_.get(20s), text);
    EXPECT_EQ(other_.apply([](int n) { return n + 1; }, round), round + 1);
  }

  static bool by_an_attacker(int pid) {
    return std::find(std::begin(board->attackers), std::end(board->attackers), pid) !=
           std::end(board->attackers);
  }

  static bool began_with_an_innocent(int number) {
    const int began = board->began[number];
    return began != 0 && !by_an_attacker(began);
  }

  // Tasks of which the last that began with them was no attacker have their results. `all`: also those that
  // had begun when the pool was terminated.
  static void expect_right(std::vector<brood::Future<Told>>& tasks, bool all) {
    for (int i = 0; i < static_cast<int>(tasks.size()); ++i) {
      auto outcome = tasks[static_cast<std::size_t>(i)].outcome();
      const int began = board->began[i];
      if (!began_with_an_innocent(i)) continue;
      if (!all && !outcome && outcome.error().type() == "brood::PoolTerminated") continue;
      ++judged;
      if (i % 10 == 9) {
        ASSERT_FALSE(outcome);
        EXPECT_STREQ(outcome.error().what(), ("innocent " + std::to_string(i)).c_str());
      } else {
        ASSERT_TRUE(outcome) << "task " << i << ": " << outcome.error().what();
        EXPECT_EQ(outcome->number, i);
        EXPECT_EQ(outcome->pid, began);
        EXPECT_EQ(outcome->more, more_of(i));
      }
    }
  }

  // `dies`: so that all is settled without any help.
  template <class Hostile>
  void attack(int round, bool dies, Hostile hostile) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::memset(static_cast<void*>(board), 0, sizeof *board);
    std::vector<brood::Future<Told>> tasks;
    brood::Pool pool(3);
    const auto submit = [&](int n) {
      for (; n > 0; --n) {
        const int number = static_cast<int>(tasks.size());
        tasks.push_back(pool.apply_async(innocent, number, more_of(number)));
      }
    };
    submit(round % 7);
    brood::Future<int> attacked = hostile(pool);
    submit(60);
    const auto settled = [&] {
      return std::all_of(tasks.begin(), tasks.end(), [](auto& task) { return task.ready(); });
    };
    // A worker that says for ever that it is at work cannot be told from one that is.
    const bool all = nothing_left::soon(settled, dies ? 30s : 1s);
    EXPECT_TRUE(all || !dies);
    if (!all) {
      EXPECT_TRUE(nothing_left::soon(
          [&] {
            for (int i = 0; i < static_cast<int>(tasks.size()); ++i) {
              if (began_with_an_innocent(i) && !tasks[static_cast<std::size_t>(i)].ready()) return false;
            }
            return true;
          },
          20s));
    }
    pool.terminate();
    pool.join();
    static_cast<void>(attacked.outcome());
    expect_right(tasks, all);
    expect_others_right(round);
  }

  static inline int judged = 0;
  static constexpr int rounds = 12;
};

std::string name_of(const testing::TestParamInfo<How>& info) {
  static constexpr const char* names[] = {"bytes", "slots", "states", "behind", "up"};
  return names[static_cast<int>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(over, PoolHostile,
                         testing::Values(How::bytes, How::slots, How::states, How::behind, How::up), name_of);

TEST_P(PoolHostile, loses_what_is_in_its_lane_and_nothing_else) {
  for (int round = 0; round < rounds; ++round) {
    attack(round, false, [&](brood::Pool& pool) {
      return pool.apply_async(once, GetParam(), std::uint64_t{1000} + static_cast<std::uint64_t>(round),
                              object_);
    });
  }
  EXPECT_GT(judged, rounds * 20);
}

TEST_P(PoolHostile, may_go_on_while_the_program_reads) {
  for (int round = 0; round < rounds; ++round) {
    attack(round, true, [&](brood::Pool& pool) {
      return pool.apply_async(without_end, GetParam(),
                              std::uint64_t{2000} + static_cast<std::uint64_t>(round), object_, round % 2);
    });
  }
  EXPECT_GT(judged, rounds * 20);
}

// The same with deadlines: they hold whatever stands in the slot.
TEST_P(PoolHostile, cannot_outlive_a_deadline) {
  for (int round = 0; round < rounds / 2; ++round) {
    SCOPED_TRACE(round);
    brood::Pool pool(1);
    std::vector<brood::Future<int>> tasks;
    const auto seed = std::uint64_t{3000} + static_cast<std::uint64_t>(round);
    tasks.push_back(
        pool.apply_async({.deadline = 300ms, .grace = 10ms}, without_end, GetParam(), seed, object_, -1));
    for (int i = 0; i < 10; ++i)
      tasks.push_back(pool.apply_async(
          {.deadline = 300ms, .grace = 10ms}, [](int n) { return n; }, i));
    for (auto& task : tasks) {
      EXPECT_TRUE(task.wait(20s));
      static_cast<void>(task.outcome());
    }
    pool.terminate();
    pool.join();
    expect_others_right(round);
  }
}

// What a worker can reach of the arena, in a program whose arena it is.
struct Reach {
  const char* what;
  bool rest_is_right;  // the program expects more than to live
};
void PrintTo(const Reach& reach, std::ostream* out) { *out << reach.what; }
class ArenaHostile : public testing::TestWithParam<Reach> {};
INSTANTIATE_TEST_SUITE_P(over, ArenaHostile,
                         testing::Values(Reach{"results", true}, Reach{"given", true},
                                         Reach{"given-small", true}, Reach{"asks", true},
                                         Reach{"runs", false}, Reach{"members", false},
                                         Reach{"ledgers", false}, Reach{"header", false},
                                         Reach{"words", false}, Reach{"all", false}),
                         [](const auto& info) {
                           std::string name = info.param.what;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(ArenaHostile, harms_no_more_than_it_says) {
  for (int seed = 1; seed <= 6; ++seed) {
    const auto ran = run_program::run({"hostile", GetParam().what, std::to_string(seed)});
    EXPECT_EQ(ran.code, 0) << "seed " << seed << "\n" << ran.out << ran.err;
    EXPECT_NE(ran.out.find("lives\n"), std::string::npos) << ran.out << ran.err;
    if (GetParam().rest_is_right) {
      EXPECT_NE(ran.out.find("the rest is right\n"), std::string::npos) << ran.out << ran.err;
    }
  }
}

}  // namespace
