#pragma once
// What runs in workers.

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "shapes.hpp"

namespace storm {

using Bytes = std::vector<std::uint8_t>;

struct Answer {
  std::uint32_t id = 0;
  std::uint64_t sum = 0;
  Bytes bytes;
};

/// What goes through queues; each has a number of its own in the round's books.
struct Value {
  std::uint32_t number = 0;
  std::uint64_t sum = 0;
  Bytes padding;
};
using Values = brood::Queue<Value>;
using Offer = std::pair<Answer, Values>;

void nothing(const Spec& spec);
Answer perform(const Spec& spec, const Bytes& argument);
Answer perform_with(const Spec& spec, const Bytes& argument, const Values& values);
Offer offer(const Spec& spec, const Bytes& argument);
/// The initializer of pools that have one.
void warm_up(std::uint32_t number);

// What actors run: processes of their own at both ends of a queue.
void put_values(Values to, std::uint32_t first, std::uint32_t n, std::uint64_t seed);
void take_values(Values from);

/// Puts a value and keeps the books; false when the queue is closed.
bool put_one(Values& to, std::uint32_t number, std::uint64_t seed, std::chrono::microseconds patience);
Value make_value(std::uint32_t number, std::uint64_t seed);
bool is_whole(const Value& value);

/// Takes values and keeps the books of who died with one in its hands.
class Taker {
 public:
  Taker();
  enum class Got { value, nothing, closed };
  Got take(Values& from, std::chrono::microseconds patience);

 private:
  std::uint32_t slot_;
};

}  // namespace storm
