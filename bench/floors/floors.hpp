#pragma once
// The bare mechanism under each case: what the machine allows when nobody may crash, wait, be told or be
// many. Between brood and its floor lies what brood gives for it.

#include <memory>
#include <vector>

namespace bench::floors {

/// M/s: calls and results through two lanes of slots, filled by one process and emptied by two, that spin.
double lanes();
/// Seconds in which so many processes call f so often, all together, with nothing between them.
double work_alone(int (*f)(int), int argument, int calls, int processes);
/// us for a round trip of one word between two processes that spin.
double ping_pong();
/// us for one between two that sleep on a futex.
double ping_pong_asleep();
/// us for such a one after a rest of so many us, in which both have gone to sleep.
double ping_pong_after_rest(int rest);
/// So many raw forks that have said that they are there, and sleep until this goes.
class ManyForked {
 public:
  explicit ManyForked(int n);
  ~ManyForked();
  ManyForked(const ManyForked&) = delete;
  ManyForked& operator=(const ManyForked&) = delete;
  const std::vector<int>& pids() const { return pids_; }

 private:
  struct Words;
  std::unique_ptr<Words> words_;
  std::vector<int> pids_;
};
/// Seconds until so many are there.
double forked_ready(int n);
/// M/s: values of 64 bytes through a ring with one writer and one reader.
double ring();
/// M/s: the same through a bounded ring for many writers and readers (Vyukov's), each in a process.
double many_ring(int writers, int readers);
/// M/s: the same where at each instruction a word says whose a value is, as it must where anybody may be
/// killed.
double owned_ring(int writers, int readers);
/// M/s: f of each int in memory that the two processes share with a third, which copies them in and the
/// results out; f is called through a pointer, and a byte says of each int whether it was begun and is done.
double mapped(int (*f)(int), const std::vector<int>& items, unsigned times);
/// GB/s: values of 64 KiB through a ring of them, copied in and copied out.
double copies();

}  // namespace bench::floors
