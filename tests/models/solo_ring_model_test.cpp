// The ring that one thread fills in every interleaving, also with a second writer who seals it: nothing is
// lost, nothing comes twice or torn, values stay in order, nobody waits for anybody; and the same when one of
// them dies anywhere.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "channel/solo_ring_code.hpp"
#include "model.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BROOD_NO_MODEL GTEST_SKIP() << "a sanitizer does not follow the model from stack to stack"
#else
#define BROOD_NO_MODEL static_cast<void>(0)
#endif

namespace {

using model::Word;
using Ring = brood::channel::BasicSoloRing<Word>;

constexpr std::uint64_t cells = 4;
constexpr std::uint32_t words = 2;
constexpr int most_values = 8;

using Value = std::array<std::uint64_t, words>;
Value value_of(int number) {
  return {static_cast<std::uint64_t>(number), ~static_cast<std::uint64_t>(number)};
}

// A ring, and what went into the next one because this was sealed.
class Queue {
 public:
  explicit Queue(int turns) {
    new (room_) Segment;
    for (std::size_t i = 1; i < cells * (1 + words); ++i) new (&segment().words[i]) Word;
    Ring::Tail tail;
    std::uint64_t head = 0;
    for (int i = 0; i < turns; ++i) {  // the cursors stand anywhere, also at the seam of two laps
      Value value = value_of(i);
      ring().put(tail, value.data(), cells);
      ring().get(head, value.data());
    }
  }

  Ring ring() { return {segment(), cells, words}; }
  std::vector<int> beyond;

 private:
  using Segment = brood::channel::BasicSoloSegment<Word>;
  Segment& segment() { return *reinterpret_cast<Segment*>(room_); }
  alignas(64) std::byte room_[sizeof(Segment) + cells * (1 + words) * sizeof(Word)];
};

struct Record {
  std::unique_ptr<Queue> queue;
  std::array<bool, most_values> put{};
  std::array<std::vector<int>, 3> got;
  std::optional<std::uint64_t> sealed_at;
  bool torn = false;
};

struct Shape {
  int values, readers, gets;
  bool second_writer = false;
  std::uint64_t most = cells;
  int turns = 0;
};

struct Cast {
  Shape shape;
  int victim = -1, dies_after = -1;
};

void take(Record& record, Ring& ring, std::uint64_t& head, std::vector<int>& to) {
  Value value{};
  if (ring.get(head, value.data()) != Ring::Get::done) return;
  record.torn = record.torn || value != value_of(static_cast<int>(value[0]));
  to.push_back(static_cast<int>(value[0]));
}

std::vector<model::Party> parties(const Cast& cast, Record& record) {
  record = {};
  record.queue = std::make_unique<Queue>(cast.shape.turns);
  std::vector<model::Party> all;
  all.push_back({[&record, &cast] {
    auto ring = record.queue->ring();
    Ring::Tail tail{ring.tail()};
    for (int i = 0; i < cast.shape.values; ++i) {
      const auto value = value_of(i);
      const auto done = ring.put(tail, value.data(), cast.shape.most);
      if (done == Ring::Put::full) return;
      if (done == Ring::Put::sealed) record.queue->beyond.push_back(i);
      record.put[static_cast<std::size_t>(i)] = true;
    }
  }});
  for (int r = 0; r < cast.shape.readers; ++r) {
    all.push_back({[&record, &cast, r] {
      auto ring = record.queue->ring();
      std::uint64_t head = ring.head();
      for (int i = 0; i < cast.shape.gets; ++i)
        take(record, ring, head, record.got[static_cast<std::size_t>(r)]);
    }});
  }
  if (cast.shape.second_writer) {
    all.push_back({[&record] {
      auto ring = record.queue->ring();
      ring.seal();
      record.sealed_at = ring.tail();
    }});
  }
  if (cast.victim >= 0) all[static_cast<std::size_t>(cast.victim)].dies_after = cast.dies_after;
  return all;
}

// Afterwards, alone: nothing needs repair, the rest is taken out, and all is counted.
void judge(const Cast& cast, Record& record) {
  auto ring = record.queue->ring();
  std::uint64_t head = ring.head();
  const auto left = ring.tail() - head;
  if (record.sealed_at) {  // nothing came behind the seal
    ASSERT_EQ(ring.tail(), *record.sealed_at);
  }
  std::vector<int> rest;
  for (std::size_t i = 0; i < left; ++i) take(record, ring, head, rest);
  ASSERT_EQ(left, rest.size());
  ASSERT_FALSE(record.torn);
  std::array<int, most_values> arrived{};
  record.got[2] = rest;
  for (const auto& got : record.got) {
    ASSERT_TRUE(std::is_sorted(got.begin(), got.end()));
    for (const int number : got) ++arrived[static_cast<std::size_t>(number)];
  }
  for (const int number : record.queue->beyond) {
    ++arrived[static_cast<std::size_t>(number)];
    ASSERT_TRUE(rest.empty() || rest.back() < number);
  }
  int missing = 0;
  for (int number = 0; number < cast.shape.values; ++number) {
    const auto i = static_cast<std::size_t>(number);
    ASSERT_LE(arrived[i], 1) << "value " << number;
    missing += record.put[i] && arrived[i] == 0;
  }
  const bool reader_died = cast.victim >= 1 && cast.victim <= cast.shape.readers;
  ASSERT_LE(missing, reader_died ? 1 : 0);  // what it had in its hands
}

std::uint64_t check(Shape shape, int preemptions) {
  const int members = 1 + shape.readers + shape.second_writer;
  return model::explore_deaths(static_cast<int>(cells), members, [&](int turns, int victim, int after) {
    shape.turns = turns;
    const Cast cast{shape, victim, after};
    Record record;
    return model::explore({[&] { return parties(cast, record); }, [&] { judge(cast, record); }}, preemptions);
  });
}

TEST(SoloRingModel, one_reader_in_every_order) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.values = 1, .readers = 1, .gets = 1}, -1), 5'000U);
}
TEST(SoloRingModel, several_values_and_laps) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.values = 6, .readers = 1, .gets = 5}, 2), 10'000U);
}
TEST(SoloRingModel, bounded) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.values = 3, .readers = 1, .gets = 3, .most = 1}, 3), 10'000U);
}
TEST(SoloRingModel, two_readers) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.values = 2, .readers = 2, .gets = 1}, 2), 10'000U);
}
TEST(SoloRingModel, sealed_by_a_second_writer) {
  BROOD_NO_MODEL;
  EXPECT_GT(check({.values = 2, .readers = 1, .gets = 2, .second_writer = true}, 2), 10'000U);
}

}  // namespace
