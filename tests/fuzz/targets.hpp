#pragma once
// What is fuzzed: functions that take any bytes, and neither crash nor ask for memory that the bytes do not
// account for. libFuzzer calls one of them (main.cpp); corpus_test.cpp calls each with the kept inputs.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace fuzz {

using Input = std::span<const std::byte>;

void decoder(Input input);      // values of every kind
void exception(Input input);    // what a task threw
void certificate(Input input);  // what a process is told at its birth
void asks(Input input);         // what a worker asks of its pool
void lane(Input input);         // a slot of a lane, and the run that it names
void queue(Input input);        // a queue that is used while it is written over

struct Target {
  const char* name;
  void (*run)(Input input);
};
inline constexpr Target targets[] = {
    {"decoder", &decoder}, {"exception", &exception}, {"certificate", &certificate},
    {"asks", &asks},       {"lane", &lane},           {"queue", &queue}};

/// Takes numbers off an input; zeros behind its end.
class Bytes {
 public:
  explicit Bytes(Input input) : left_(input) {}
  template <class T>
  T next() {
    T value{};
    const auto n = sizeof value < left_.size() ? sizeof value : left_.size();
    std::memcpy(&value, left_.data(), n);
    left_ = left_.subspan(n);
    return value;
  }
  std::uint8_t byte() { return next<std::uint8_t>(); }
  bool empty() const { return left_.empty(); }
  Input rest() const { return left_; }

 private:
  Input left_;
};

}  // namespace fuzz
