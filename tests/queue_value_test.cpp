// Queue: values of every size, values that cannot be written or built, queues in values.

#include <brood/queue.hpp>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>

#include "nothing_left.hpp"

namespace queue_value {

/// What a Codec may do wrong.
enum class Fault { none, encode, encode_int, decode, decode_short, decode_long, lengths, handle_last };

struct Fragile {
  Fault fault = Fault::none;
  int value = 0;
};

/// Says that it is longer than any machine's memory.
struct Huge {
  int units = 0;  // of 1 GiB
};

/// Two words and nothing else, or what is too long.
struct TwoWords {
  std::uint64_t first = 0, second = 0;
  int units = 0;
};

/// A queue that is read after what cannot be built.
struct FragileThenQueue {
  Fragile fragile;
  brood::Queue<int> queue;
};

}  // namespace queue_value

template <>
struct brood::Codec<queue_value::Fragile> {
  using Fault = queue_value::Fault;
  static void encode(Writer& to, const queue_value::Fragile& f) {
    static int calls = 0;
    if (f.fault == Fault::encode) throw std::runtime_error("cannot be written");
    if (f.fault == Fault::encode_int) throw 42;
    to.value(f.fault);
    to.value(f.value);
    if (f.fault == Fault::decode_long) to.value(f.value);
    if (f.fault == Fault::lengths && calls++ % 2 != 0) to.value(f.value);
  }
  static queue_value::Fragile decode(Reader& from) {
    queue_value::Fragile f;
    f.fault = from.value<Fault>();
    f.value = from.value<int>();
    if (f.fault == Fault::decode) throw std::out_of_range("cannot be built");
    if (f.fault == Fault::decode_short) from.value<int>();
    return f;
  }
};

template <>
struct brood::Codec<queue_value::Huge> {
  static void encode(Writer& to, const queue_value::Huge& huge) {
    static const std::string unit(std::size_t{1} << 20, 'x');
    to.value(huge.units);
    for (int i = 0; i < huge.units * 1024; ++i) to.bytes(unit.data(), unit.size());
  }
  static queue_value::Huge decode(Reader& from) { return {from.value<int>()}; }
};

template <>
struct brood::Codec<queue_value::TwoWords> {
  static void encode(Writer& to, const queue_value::TwoWords& two) {
    to.value(two.first);
    to.value(two.second);
    if (two.units != 0) to.value(queue_value::Huge{two.units});
  }
  static queue_value::TwoWords decode(Reader& from) {
    return {from.value<std::uint64_t>(), from.value<std::uint64_t>(), 0};
  }
};

namespace {

using namespace std::chrono_literals;
using queue_value::Fault;
using queue_value::Fragile;

TEST(QueueValue, has_any_size_from_nothing_to_64_mib) {
  const nothing_left::Memory memory;
  brood::Queue<std::vector<std::uint8_t>> queue;
  std::vector<std::size_t> sizes = {0, 1, 2, 39, 40, 41, 47, 48, 49, 63, 64, 65};
  for (const std::size_t around : {1024, 8192, 32768, 65536, 1 << 20}) {
    for (std::size_t less = 0; less < 40; less += 3) sizes.push_back(around - less);
    sizes.push_back(around + 1);
  }
  sizes.push_back(std::size_t{64} << 20);
  for (const auto size : sizes) {
    std::vector<std::uint8_t> value(size);
    std::iota(value.begin(), value.end(), static_cast<std::uint8_t>(size));
    queue.put(value);
    ASSERT_TRUE(queue.get(10s) == value) << size;
  }
  for (const auto size : sizes) queue.put(std::vector<std::uint8_t>(size, 3));
  for (const auto size : sizes) ASSERT_EQ(queue.get(10s).size(), size);
}

TEST(QueueValue, may_be_empty_or_plain_or_nested) {
  struct Nothing {};
  struct Plain {
    double a;
    std::array<int, 100> b;
  };
  brood::Queue<Nothing> nothings;
  nothings.put({});
  nothings.get(10s);
  brood::Queue<Plain> plains;
  plains.put({1.5, {7}});
  EXPECT_EQ(plains.get(10s).b[0], 7);
  brood::Queue<std::map<std::string, std::vector<std::optional<int>>>> maps;
  maps.put({{"a", {1, std::nullopt}}});
  EXPECT_EQ(maps.get(10s).at("a").at(0), 1);
  brood::Queue<std::unique_ptr<int>> pointers;
  pointers.put(std::make_unique<int>(5));
  EXPECT_EQ(*pointers.get(10s), 5);
}

TEST(QueueValue, larger_than_the_arena_is_refused_and_harms_nothing) {
  const nothing_left::Memory memory;
  brood::Queue<queue_value::Huge> queue;
  queue.put({0});
  EXPECT_THROW(queue.put({100'000}), brood::NoMemory);
  EXPECT_THROW(static_cast<void>(queue.try_put({100'000})), brood::NoMemory);
  EXPECT_EQ(queue.qsize(), 1U);
  queue.put({0});
  EXPECT_EQ(queue.get(10s).units, 0);
  EXPECT_EQ(queue.get(10s).units, 0);
}

// The bytes of an old value in a block are not taken for the place of a new one.
TEST(QueueValue, that_has_no_memory_does_not_free_what_an_old_value_looks_like) {
  const auto run = brood::arena::allocate(100);
  {
    brood::Queue<queue_value::TwoWords> queue;
    for (int i = 0; i < 3000; ++i) queue.put({run.offset, run.generation, 0});
    for (int i = 0; i < 3000; ++i) {  // every block has held one
      queue.get(15s);
      queue.put({run.offset, run.generation, 0});
    }
    while (queue.try_get()) {
    }
    EXPECT_THROW(queue.put({0, 0, 100'000}), brood::NoMemory);
  }
  EXPECT_GE(brood::arena::size_of(run), 100U);
  brood::arena::free(run);
}

TEST(QueueValue, that_cannot_be_written_is_not_put) {  // Q10 Q11
  const nothing_left::Memory memory;
  brood::Queue<Fragile> queue(1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THROW(queue.put({Fault::encode}), std::runtime_error);
    EXPECT_THROW(queue.put({Fault::encode_int}), int);
    EXPECT_EQ(queue.qsize(), 0U);
  }
  EXPECT_TRUE(queue.try_put({Fault::none, 7}));
  EXPECT_EQ(queue.get_nowait().value, 7);
}

TEST(QueueValue, whose_codec_writes_different_lengths_is_refused) {
  const nothing_left::Memory memory;
  brood::Queue<Fragile> queue;
  EXPECT_THROW(queue.put({Fault::lengths}), brood::UsageError);
  EXPECT_EQ(queue.qsize(), 0U);
  queue.put({Fault::none, 1});
  EXPECT_EQ(queue.get(10s).value, 1);
}

TEST(QueueValue, that_cannot_be_built_is_told_once) {  // Q10 Q12
  const nothing_left::Memory memory;
  brood::Queue<Fragile> queue(10);
  queue.put({Fault::none, 1});
  queue.put({Fault::decode});
  queue.put({Fault::decode_short});
  queue.put({Fault::decode_long});
  queue.put({Fault::decode});
  queue.put({Fault::none, 2});
  EXPECT_EQ(queue.get(10s).value, 1);
  try {
    queue.get(10s);
    ADD_FAILURE();
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find("cannot be built"), std::string::npos) << e.what();
  }
  EXPECT_THROW(queue.get(10s), brood::DecodeError);
  EXPECT_THROW(queue.get(10s), brood::DecodeError);
  EXPECT_EQ(queue.qsize(), 2U);
  EXPECT_ANY_THROW(queue.try_get());
  EXPECT_EQ(queue.get(10s).value, 2);
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(QueueValue, that_cannot_be_built_makes_room) {  // Q11
  brood::Queue<Fragile> queue(1);
  queue.put({Fault::decode});
  EXPECT_ANY_THROW(queue.get(10s));
  EXPECT_TRUE(queue.try_put({Fault::none, 1}));
  EXPECT_EQ(queue.get(10s).value, 1);
}

TEST(QueueValue, may_be_a_queue) {
  const nothing_left::Memory memory;
  brood::Queue<brood::Queue<int>> queues;
  {
    brood::Queue<int> inner;
    inner.put(42);
    queues.put(inner);
    queues.put(inner);
  }
  auto first = queues.get(10s);
  auto second = queues.get(10s);
  EXPECT_TRUE(first == second);
  EXPECT_EQ(first.get(10s), 42);
}

TEST(QueueValue, that_names_a_queue_lets_it_go_with_the_outer_one) {
  const nothing_left::Memory memory;
  brood::Queue<std::pair<std::string, brood::Queue<int>>> outer;
  for (int i = 0; i < 20; ++i) {
    brood::Queue<int> inner;
    inner.put(i);
    outer.put({"inner", inner});
  }
}

TEST(QueueValue, that_names_a_queue_lets_it_go_when_it_is_refused) {
  const nothing_left::Memory memory;
  brood::Queue<int> inner;
  brood::Queue<brood::Queue<int>> full(1);
  full.put(inner);
  EXPECT_FALSE(full.try_put(inner));
  brood::Queue<brood::Queue<int>> closed;
  closed.close();
  EXPECT_FALSE(closed.try_put(inner));
}

// A message is one reference of each queue that it names, also when the value is given up half way.
TEST(QueueValue, that_cannot_be_built_lets_the_queues_behind_it_go) {
  const nothing_left::Memory memory;
  brood::Queue<queue_value::FragileThenQueue> outer;
  {
    brood::Queue<int> inner;
    outer.put({{Fault::decode, 0}, inner});
    EXPECT_ANY_THROW(outer.get(10s));
  }
}

TEST(QueueValue, changed_after_put_is_what_was_put) {
  brood::Queue<std::vector<int>> queue;
  std::vector<int> value(2000, 1);
  for (int i = 0; i < 200; ++i) {
    value.assign(2000, i);
    queue.put(value);
    value.assign(2000, -1);
  }
  for (int i = 0; i < 200; ++i) ASSERT_EQ(queue.get(10s), std::vector<int>(2000, i));
}

}  // namespace
