#pragma once
// The books: memory that the program and all its processes have, made before brood::init, which survives any
// death. What is written here does not travel by what is tested.

#include <atomic>
#include <cstdint>
#include <string>

namespace storm {

/// What makes outcomes lawful that a task by itself would not have.
enum Weather : std::uint32_t {
  deaths = 1,          // somebody kills workers
  no_descriptors = 2,  // the program has none for a while
  no_memory = 4,       // the arena is full for a while
  endings = 8,         // a pool is terminated in the middle
  closings = 16        // a pool is closed in the middle
};

enum class Trouble : std::uint32_t { lost, duplicated, hung, leaked, wrong, count };

struct Books {
  static constexpr std::uint32_t most_ids = 1 << 18, most_values = 1 << 20, most_pids = 1 << 22;
  static constexpr std::uint32_t most_readers = 1 << 16, most_texts = 1024;
  using Count = std::atomic<std::uint64_t>;
  using Byte = std::atomic<std::uint8_t>;

  // Of the whole storm.
  Count tasks, finished, failed, dropped, refused, rerun;
  Count kills, stops, values, died_with_reader, broken, cancelled, late;
  Count trouble[static_cast<int>(Trouble::count)];
  std::atomic<std::uint32_t> texts;
  char text[most_texts][512];

  // Of the round.
  std::atomic<std::uint32_t> weather, writers_stop;
  std::atomic<std::uint32_t> readers;
  Byte reading[most_readers];                 // 1: inside of get, or has not written down what it got
  std::atomic<std::uint64_t> task[most_ids];  // {pid 32 | ended 8 | begun 8}
  Byte value[most_values];                    // bits: 1 put was called, 2 it returned, 4 it threw
  Byte taken[most_values];                    // how often
  Byte killed[most_pids];                     // by the adversary

  bool is(Weather w) const { return (weather.load(std::memory_order_relaxed) & w) != 0; }
};

/// Before brood::init.
void open_books();
Books& books();
void begin_round(std::uint32_t weather, std::uint32_t ids, std::uint32_t values);

/// In the process that runs the task.
void note_begun(std::uint32_t id);
void note_ended(std::uint32_t id);
std::uint32_t times_begun(std::uint32_t id);

/// Something that must not be; the main thread prints the texts with the round they belong to.
void complain(Trouble trouble, const std::string& text, std::uint64_t times = 1);

/// Marks a process before it is killed.
void note_kill(int pid);
bool was_killed(int pid);

}  // namespace storm
