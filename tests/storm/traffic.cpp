// Values through queues, by whoever puts and takes them.

#include <algorithm>

#include "books.hpp"
#include "dice.hpp"
#include "outcomes.hpp"
#include "tasks.hpp"

namespace storm {
namespace {

std::uint64_t sum_for(std::uint32_t number, const Bytes& padding) {
  return sum_of(padding) * 31 + number * std::uint64_t{0x9e3779b97f4a7c15U};
}

std::uint32_t padding_of(Dice& dice) {
  const auto kind = dice.below(100);
  if (kind < 60) return dice.between(0, 40);
  if (kind < 97) return dice.between(0, 8000);
  return dice.between(0, 200'000);
}

}  // namespace

Value make_value(std::uint32_t number, std::uint64_t seed) {
  Dice dice(seed, number);
  Value value{number, 0, noise(dice(), padding_of(dice))};
  value.sum = sum_for(number, value.padding);
  return value;
}

bool is_whole(const Value& value) { return value.sum == sum_for(value.number, value.padding); }

bool put_one(Values& to, std::uint32_t number, std::uint64_t seed, std::chrono::microseconds patience) {
  if (number >= Books::most_values) return false;
  const auto value = make_value(number, seed);
  auto& state = books().value[number];
  state |= 1;
  try {
    to.put(value, patience);
    state |= 2;
    ++books().values;
    return true;
  } catch (const brood::Full&) {
    state |= 4;
    return true;
  } catch (const brood::NoMemory& e) {
    state |= 4;
    complain_unless(no_memory, std::string("a put threw ") + e.what());
    return true;
  } catch (const brood::Closed&) {
    state |= 4;
    return false;
  }
}

Taker::Taker() : slot_(std::min(books().readers++, Books::most_readers - 1)) {}

Taker::Got Taker::take(Values& from, std::chrono::microseconds patience) {
  auto& b = books();
  struct Mark {
    Books::Byte& byte;
    explicit Mark(Books::Byte& one) : byte(one) { byte = 1; }
    ~Mark() { byte = 0; }
  } const mark(b.reading[slot_]);
  std::optional<Value> value;
  try {
    value = from.get(patience);
  } catch (const brood::Empty&) {
    return Got::nothing;
  } catch (const brood::Closed&) {
    return Got::closed;
  }
  const auto number = value->number;
  if (number >= Books::most_values || !is_whole(*value)) {
    complain(Trouble::lost, "value " + std::to_string(number) + " was torn");
  } else if (++b.taken[number] > 1) {
    complain(Trouble::duplicated, "value " + std::to_string(number) + " was delivered twice");
  } else if ((b.value[number] & 5) != 1) {
    complain(Trouble::wrong, "value " + std::to_string(number) + " was delivered, but its put was " +
                                 (b.value[number] == 0 ? "never called" : "refused"));
  }
  return Got::value;
}

void put_values(Values to, std::uint32_t first, std::uint32_t n, std::uint64_t seed) {
  for (std::uint32_t i = 0; i < n && books().writers_stop == 0; ++i) {
    if (!put_one(to, first + i, seed, std::chrono::milliseconds(2))) return;
  }
}

void take_values(Values from) {
  Taker taker;
  while (taker.take(from, std::chrono::milliseconds(20)) != Taker::Got::closed) {
  }
}

}  // namespace storm
