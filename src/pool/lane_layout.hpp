#pragma once
// A lane: the memory that the program and one worker share. The program writes tasks into slots, one after
// another; the worker takes them in that order and writes each result into its task's slot.
//
//   free -> ready        program (the task is whole)
//   ready -> running     worker, by compare-and-swap
//   ready -> revoked     program, by compare-and-swap (it takes back what was not begun)
//   running -> done      worker (the result is whole)
//   revoked -> passed    worker
//   done, passed -> free program
//
// Worker output is copied first and then checked; the program's own records say which task a slot holds.

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
  // The following fields describe the task, and later its result.
  Content content;
  std::uint64_t thunk;       // CodeRef
  std::uint64_t size;        // size of the bytes, here or in the run
  std::uint64_t run_offset;  // in the arena, if the bytes do not fit here
  std::uint32_t run_generation;
  std::uint32_t names;         // number of shared objects that the result names; they follow it
  std::uint64_t memory_limit;  // the task's limit, 0: none
  std::byte data[size_in_all - 48];
};
static_assert(sizeof(Slot) == Slot::size_in_all);

struct Lane {
  static constexpr std::size_t size_in_all = 128 * 1024;
  static constexpr std::uint32_t most_slots = 256;  // slot counts are powers of two
  static constexpr std::uint32_t few_slots = 32;    // in pools with many more workers than processors
  static constexpr std::uint32_t current_version = 1;

  std::uint32_t version;
  std::uint32_t index, incarnation;  // of the worker
  std::uint32_t workers;
  std::uint32_t slot_count;
  std::uint64_t seed;
  std::uint64_t secret;               // identifies the worker in its requests
  std::uint64_t results;              // offset in the arena of the pool's Results
  std::uint64_t asks;                 // queue of the worker's requests
  std::uint64_t memory_limit;         // the worker's limit for its whole life, 0: none
  std::int32_t program;               // pid of the program, which removes what the worker leaves behind
  std::uint64_t most_memory;          // the worker is replaced when it uses more memory than this, 0: never
  platform::Word up;                  // worker: 1 when the initializer has been run, 2 when it failed
  alignas(64) sync::EventCount work;  // worker sleeps, program wakes
  platform::Word program_processor;   // processor on which the program last ran: nobody spins for a peer on
                                      // its own processor
  platform::Word worker_processor;    // processor on which the worker runs
  platform::Word nanoseconds_each;    // worker: recent time per task, run back to back; 0: not known
  platform::Word stop;                // program: number of the task that must stop, counted from 1
  platform::Word starved;             // worker: number of a task that was refused memory
  platform::Word full;                // worker: nonzero when it uses more memory than most_memory
  char group[platform::MemoryGroup::longest_folder + 1];  // worker: its memory cgroup, empty: none
  platform::CrashNote crash;                              // worker: its stack when a crash signal hit it
  Slot birth;                                             // worker: the exception that the initializer threw
  alignas(64) Slot slots[most_slots];

  static constexpr std::size_t size_with(std::uint32_t slots);
};
static_assert(sizeof(Lane) <= Lane::size_in_all);
constexpr std::size_t Lane::size_with(std::uint32_t slots) {
  return sizeof(Lane) - (most_slots - slots) * sizeof(Slot);
}

enum class Wanted : std::uint32_t { nothing = 0, low = 1, all = 2 };

/// In the arena, one per pool: how workers wake the program. A worker may write garbage here; at worst that
/// causes a spurious or a late wake-up: see EventCount::doze.
struct Results {
  sync::EventCount ready;               // threads that wait for results sleep here
  alignas(64) sync::EventCount helper;  // the program's helper thread
  platform::Word wanted;  // program: when to wake the helper: when a lane runs low, or for every result
  // Workers: incremented after each message in the queue of requests. The helper naps here.
  platform::Word asked;
};

}  // namespace brood::pool
