#pragma once
// A lane: the memory that the program and one worker share. The program writes tasks into slots, one after
// the other; the worker takes them in that order and leaves each result in its task's slot.
//
//   free -> ready        program (the task is whole)
//   ready -> running     worker, by compare-and-swap
//   ready -> revoked     program, by compare-and-swap (it takes back what was not begun)
//   running -> done      worker (the result is whole)
//   revoked -> passed    worker
//   done, passed -> free program
//
// What the worker writes is copied first, then checked: the program's own books say which task a slot holds.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "platform/crash.hpp"
#include "platform/memory_group.hpp"
#include "platform/park.hpp"
#include "sync/event_count.hpp"

namespace brood::pool {

enum class SlotState : std::uint32_t { free = 0, ready, running, done, revoked, passed };

enum class Content : std::uint32_t { value = 0, exception = 1, quit = 2 };

struct alignas(64) Slot {
  static constexpr std::size_t size_in_all = 256;
  std::atomic<std::uint32_t> state;
  // The task; then its result.
  Content content;
  std::uint64_t thunk;       // CodeRef
  std::uint64_t size;        // of the bytes, here or in the run
  std::uint64_t run_offset;  // in the arena, where they do not fit here
  std::uint32_t run_generation;
  std::uint32_t names;         // of the result: shared objects that it names; they lie behind it
  std::uint64_t memory_limit;  // of the task, 0: none
  std::byte data[size_in_all - 48];
};
static_assert(sizeof(Slot) == Slot::size_in_all);

struct Lane {
  static constexpr std::size_t size_in_all = 128 * 1024;
  static constexpr std::uint32_t most_slots = 256;  // powers of two, as many as the lane was taken with
  static constexpr std::uint32_t few_slots = 32;    // for workers that are many
  static constexpr std::uint32_t current_version = 1;

  std::uint32_t version;
  std::uint32_t index, incarnation;  // of the worker
  std::uint32_t workers;
  std::uint32_t slot_count;
  std::uint64_t seed;
  std::uint64_t secret;               // by which the worker is known in what it asks
  std::uint64_t results;              // offset in the arena of what the worker wakes
  std::uint64_t asks;                 // queue of what it asks
  std::uint64_t memory_limit;         // of the worker for its life, 0: none
  std::int32_t program;               // its process, which removes what the worker leaves
  std::uint64_t most_memory;          // the worker is replaced when it holds more than this, 0: never
  platform::Word up;                  // worker: 1 when the initializer has been run, 2 when it failed
  alignas(64) sync::EventCount work;  // worker sleeps, program wakes
  platform::Word
      program_processor;  // where the program was last seen: nobody spins for a peer on its own processor
  platform::Word worker_processor;  // where the worker runs
  platform::Word nanoseconds_each;  // worker: what its tasks take lately, one after the other; 0: not known
  platform::Word stop;              // program: the number of a task that is to stop, counted from 1
  platform::Word starved;           // worker: the number of a task that was refused memory
  platform::Word full;              // worker: it holds more memory than it should; not 0 when so
  char group[platform::MemoryGroup::longest_folder + 1];  // worker: its memory cgroup, empty: none
  platform::CrashNote crash;                              // worker: where it was when a signal hit it
  Slot birth;                                             // worker: what the initializer threw
  alignas(64) Slot slots[most_slots];

  static constexpr std::size_t size_with(std::uint32_t slots);
};
static_assert(sizeof(Lane) <= Lane::size_in_all);
constexpr std::size_t Lane::size_with(std::uint32_t slots) {
  return sizeof(Lane) - (most_slots - slots) * sizeof(Slot);
}

enum class Wanted : std::uint32_t { nothing = 0, low = 1, all = 2 };

/// In the arena, one for each pool: how workers wake the program. A worker may write noise here; the worst is
/// a wake-up too many, or one that is late: see EventCount::doze.
struct Results {
  sync::EventCount ready;               // whoever waits for results
  alignas(64) sync::EventCount helper;  // the program's helper thread
  platform::Word
      wanted;  // program: of which results the helper wants to hear: when a lane runs low, or of all
  // Workers: bumped after each message in the queue of what they ask. The helper naps here.
  platform::Word asked;
};

}  // namespace brood::pool
