#pragma once
// The shapes of tasks: a row for each, so that another one is a line here and a function in tasks.cpp.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace storm {

enum class Shape : std::uint32_t {
  empty,
  work,
  sleep,
  allocate,
  exhaust,
  write,
  fork,
  throws,
  throws_own,
  exit0,
  exit3,
  abort,
  segfault,
  overflow,
  exec,
  last_words,
  put,
  take,
  offer,
  ask,
  nest,
  count
};

/// How a task of a shape ends when nobody disturbs it.
enum class End : std::uint32_t { returns, throws, bad_alloc, signal, exit };

/// The options that a task is submitted with.
enum class Care : std::uint32_t { none, deadline, time_limit, idempotent, memory_limit, count };
struct CareRow {
  std::string_view name;
  unsigned weight;
};
inline constexpr std::array<CareRow, static_cast<std::size_t>(Care::count)> cares{
    {{"none", 85}, {"deadline", 4}, {"time_limit", 3}, {"idempotent", 6}, {"memory_limit", 2}}};
inline constexpr std::uint32_t retries = 3;

/// What a task is; it travels with it. Children's specs follow from it.
struct Spec {
  std::uint32_t id = 0;  // in the round's books
  Shape shape = Shape::empty;
  std::uint64_t seed = 0;
  std::uint32_t micros = 0;       // of work, or of sleep
  std::uint32_t in = 0, out = 0;  // bytes of its argument and of its result
  std::uint32_t children = 0, depth = 0;
  Care care = Care::none;
  std::uint32_t limit = 0;                    // microseconds, of deadline and time_limit
  bool cancelled = false;                     // somebody has said so
  std::uint32_t first_value = 0, values = 0;  // what it puts
};

struct ShapeRow {
  std::string_view name;
  unsigned weight;
  End end = End::returns;
  int code = 0;          // signal or exit code
  bool in_child = true;  // may be a task that a task submits
  bool in_map = true;    // may be an item of a map
  bool again = true;     // may be run again
};

inline constexpr std::array<ShapeRow, static_cast<std::size_t>(Shape::count)> shapes{{
    {"empty", 300, End::returns, 0, true, false},
    {"work", 400},
    {"sleep", 40},
    {"allocate", 20},
    {"exhaust", 4, End::bad_alloc},
    {"write", 20},
    {"fork", 6},
    {"throws", 12, End::throws},
    {"throws_own", 6, End::throws},
    {"exit0", 3, End::exit, 0},
    {"exit3", 3, End::exit, 3},
    {"abort", 3, End::signal, 6},
    {"segfault", 3, End::signal, 11},
    {"overflow", 2, End::signal, 11},
    {"exec", 2, End::exit, 0},
    {"last_words", 3, End::signal, 6},
    {"put", 30, End::returns, 0, false, false, false},
    {"take", 30, End::returns, 0, false, false, false},
    {"offer", 20, End::returns, 0, false, false},
    {"ask", 20, End::returns, 0, true, true, false},
    {"nest", 3, End::returns, 0, true, true, false},
}};

inline constexpr const ShapeRow& row_of(Shape shape) { return shapes[static_cast<std::size_t>(shape)]; }

/// How often a task may begin.
inline std::uint32_t most_runs(const Spec& spec) { return spec.care == Care::idempotent ? 1 + retries : 1; }

/// Children of a task, and how many ids it and all below it take.
inline constexpr std::uint32_t most_children = 4;
constexpr std::uint32_t ids_of(std::uint32_t depth) {
  return depth == 0 ? 1 : 1 + most_children * ids_of(depth - 1);
}
/// The i-th task that this one submits.
Spec child_of(const Spec& parent, std::uint32_t i);

/// Bytes that follow from a seed, and their sum.
std::vector<std::uint8_t> noise(std::uint64_t seed, std::uint32_t size);
std::uint64_t sum_of(const std::vector<std::uint8_t>& bytes);

}  // namespace storm
