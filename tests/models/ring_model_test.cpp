// A queue's ring and the words of its blocks in every interleaving: nothing is lost, nothing comes twice,
// each writer's values stay in order, nobody waits for anybody; and the same when one of them dies anywhere.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include "channel/ring_code.hpp"
#include "model.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BROOD_NO_MODEL GTEST_SKIP() << "a sanitizer does not follow the model from stack to stack"
#else
#define BROOD_NO_MODEL static_cast<void>(0)
#endif

namespace {

using model::Word;
using Ring = brood::channel::BasicRing<Word>;
using brood::channel::BlockWord;
using brood::channel::Phase;

constexpr std::uint64_t cells = 4;
constexpr std::size_t blocks = 3;
constexpr std::size_t most_values = 8;
// Owners of blocks: the parties in their order, from 1; and who is none of them.
constexpr std::uint32_t nobody = 9;

// What QueueCore does with one ring and a few blocks. A value is {writer, number}.
class Queue {
 public:
  explicit Queue(int turns) {
    new (room_) Segment;
    for (std::size_t i = 1; i < cells; ++i) new (&segment().cells[i]) Word;
    for (int i = 0; i < turns; ++i) {  // the cursors stand anywhere, also at the seam of two laps
      int ignored = 0;
      put(nobody, i);
      get(nobody, ignored);
    }
  }

  bool put(std::uint32_t me, int value) {
    for (std::size_t b = 0; b < blocks; ++b) {
      BlockWord seen{words_[b].load()};
      if (seen.phase() != Phase::free ||
          !words_[b].compare_exchange_strong(seen.bits, seen.to(Phase::filling, me).bits))
        continue;
      values_[b] = value;
      words_[b].store(seen.to(Phase::complete, me).bits);
      const auto done = ring().publish(static_cast<std::uint32_t>(b), 0);
      if (done == Ring::Publish::done) return true;
      words_[b].store(seen.freed().bits);
      return false;
    }
    return false;
  }

  bool get(std::uint32_t me, int& value) {
    for (;;) {
      const auto head = ring().front();
      if (head.front != Ring::Front::block) return false;
      BlockWord word{words_[head.block].load()};
      if (ring().changed(head)) continue;
      const bool mine = word.phase() == Phase::complete &&
                        words_[head.block].compare_exchange_strong(word.bits, word.to(Phase::taken, me).bits);
      if (!mine && BlockWord{words_[head.block].load()}.phase() == Phase::complete) continue;
      ring().pass(head);
      if (!mine) continue;
      value = values_[head.block];
      words_[head.block].store(word.freed().bits);
      return true;
    }
  }

  void seal() { ring().seal(); }

  // What went into the next ring, since this one was sealed.
  std::vector<int> beyond;

  void repair(std::uint32_t dead) {
    std::multimap<std::uint32_t, Ring::Named> named;
    ring().for_each_named([&](const Ring::Named& cell) { named.insert({cell.block, cell}); });
    for (std::uint32_t b = 0; b < blocks; ++b) {
      const BlockWord word{words_[b].load()};
      if (word.phase() == Phase::free || word.owner() != dead) continue;
      if (word.phase() == Phase::filling) words_[b].store(word.freed().bits);
      if (word.phase() == Phase::complete && named.contains(b)) continue;
      if (word.phase() == Phase::taken) {
        for (auto [at, end] = named.equal_range(b); at != end; ++at) ring().clear(at->second);
        words_[b].store(word.to(Phase::complete, nobody).bits);
      }
      if (word.phase() != Phase::filling) publish_again(b);
    }
  }

 private:
  void publish_again(std::uint32_t block) {
    auto done = ring().publish(block, 0);
    if (done == Ring::Publish::full) {  // whoever looks at the head moves it past what the dead had taken
      ring().front();
      done = ring().publish(block, 0);
    }
    if (done == Ring::Publish::sealed) beyond.push_back(values_[block]);
  }

  using Segment = brood::channel::BasicSegment<Word>;
  Segment& segment() { return *reinterpret_cast<Segment*>(room_); }
  Ring ring() { return {segment(), cells}; }

  alignas(64) std::byte room_[sizeof(Segment) + cells * sizeof(Word)];
  std::array<Word, blocks> words_;
  std::array<int, blocks> values_{};
};

// What happened in one run.
struct Record {
  std::unique_ptr<Queue> queue;
  std::array<bool, most_values> put{};
  std::array<std::array<int, most_values>, 4> got{};
  std::array<int, 4> times{};
};

struct Shape {
  int writers, values, readers, gets;
  int turns = 0;
  bool seals = false;
};

struct Cast {
  Shape shape;
  int victim = -1, dies_after = -1;
};

std::vector<model::Party> parties(const Cast& cast, Record& record) {
  record = {};
  record.queue = std::make_unique<Queue>(cast.shape.turns);
  std::vector<model::Party> all;
  for (int w = 0; w < cast.shape.writers; ++w) {
    all.push_back({[&record, &cast, w] {
      for (int i = 0; i < cast.shape.values; ++i) {
        const int value = w * cast.shape.values + i;
        record.put[static_cast<std::size_t>(value)] =
            record.queue->put(static_cast<std::uint32_t>(1 + w), value);
      }
    }});
  }
  for (int r = 0; r < cast.shape.readers; ++r) {
    all.push_back({[&record, &cast, r] {
      const auto me = static_cast<std::size_t>(r);
      for (int i = 0; i < cast.shape.gets; ++i) {
        int value = 0;
        if (record.queue->get(static_cast<std::uint32_t>(1 + cast.shape.writers + r), value))
          record.got[me][static_cast<std::size_t>(record.times[me]++)] = value;
      }
    }});
  }
  if (cast.shape.seals) all.push_back({[&record] { record.queue->seal(); }});
  if (cast.victim >= 0) all[static_cast<std::size_t>(cast.victim)].dies_after = cast.dies_after;
  return all;
}

// Afterwards, alone: what the dead left is repaired, the rest is taken out, and all is counted.
void judge(const Cast& cast, Record& record) {
  const Shape& shape = cast.shape;
  if (cast.victim >= 0) record.queue->repair(static_cast<std::uint32_t>(1 + cast.victim));
  std::array<int, most_values> arrived{};
  for (int r = 0; r < shape.readers; ++r) {
    const auto& got = record.got[static_cast<std::size_t>(r)];
    const int n = record.times[static_cast<std::size_t>(r)];
    for (int i = 0; i < n; ++i) ++arrived[static_cast<std::size_t>(got[static_cast<std::size_t>(i)])];
    // Of one writer in its order; but what a dead reader had taken comes after what it had not.
    for (int i = 0; i < n && cast.victim < 0; ++i) {
      for (int j = i + 1; j < n; ++j) {
        const int one = got[static_cast<std::size_t>(i)], other = got[static_cast<std::size_t>(j)];
        ASSERT_FALSE(one / shape.values == other / shape.values && one > other) << one << " before " << other;
      }
    }
  }
  for (int value = 0; record.queue->get(nobody, value);) ++arrived[static_cast<std::size_t>(value)];
  for (const int value : record.queue->beyond) ++arrived[static_cast<std::size_t>(value)];
  int missing = 0;
  for (int value = 0; value < shape.writers * shape.values; ++value) {
    const auto times = arrived[static_cast<std::size_t>(value)];
    ASSERT_LE(times, 1) << "value " << value;
    if (record.put[static_cast<std::size_t>(value)]) missing += times == 0;
  }
  // Not even of a reader that died: it gives the block free in the same step in which it has the value.
  ASSERT_EQ(missing, 0);
}

std::uint64_t check(Shape shape, int preemptions) {
  const int members = shape.writers + shape.readers + shape.seals;
  return model::explore_deaths(static_cast<int>(cells), members, [&](int turns, int victim, int after) {
    shape.turns = turns;
    const Cast cast{shape, victim, after};
    Record record;
    return model::explore({[&] { return parties(cast, record); }, [&] { judge(cast, record); }}, preemptions);
  });
}

TEST(RingModel, one_writer_one_reader_in_every_order) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.writers = 1, .values = 1, .readers = 1, .gets = 1}, -1), 10'000U);
}
TEST(RingModel, one_writer_one_reader_several_values) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.writers = 1, .values = 3, .readers = 1, .gets = 3}, 3), 10'000U);
}
TEST(RingModel, two_writers_one_reader) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.writers = 2, .values = 1, .readers = 1, .gets = 2}, 2), 10'000U);
}
TEST(RingModel, one_writer_two_readers) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.writers = 1, .values = 2, .readers = 2, .gets = 1}, 2), 10'000U);
}
TEST(RingModel, sealed_in_between) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.writers = 1, .values = 2, .readers = 1, .gets = 2, .seals = true}, 2), 10'000U);
}

}  // namespace
