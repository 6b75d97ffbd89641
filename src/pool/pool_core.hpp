#pragma once
// The program's side of a pool: its private books. pool_core.cpp hands tasks out and takes results in;
// supervisor.cpp sees to births, deaths and what workers write to stderr.

#include <array>
#include <brood/detail/pool_core.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "arena/arena.hpp"
#include "platform/poller.hpp"
#include "pool/lane_layout.hpp"
#include "process/child.hpp"

namespace brood::pool {

using detail::Deadline;
using detail::Record;
using detail::TaskType;

/// What the program knows of a task, whatever a worker writes into its lane.
struct Task {
  Record* record = nullptr;
  const TaskType* type = nullptr;
  std::uint64_t function = 0;  // CodeRef of the function, where the call begins with one
  arena::Run arguments;        // where they are when they do not fit into a slot
};

/// A task that is in no lane.
struct Waiting {
  Task task;
  std::vector<std::byte> bytes;  // empty when the arguments lie in a run
  std::uint64_t size = 0;
};

/// A place for a worker, and the process that fills it now.
struct Place {
  std::shared_ptr<process::Child> child;
  Lane* lane = nullptr;
  std::uint32_t lane_index = 0;
  std::uint32_t incarnation = 0;
  std::array<Task, Lane::slots_in_all> tasks;
  std::uint32_t head = 0;   // next slot to fill
  std::uint32_t tail = 0;   // next slot to take from
  std::uint32_t depth = 2;  // how many tasks it may have at once
  std::uint32_t given = 0;  // tasks so far, for max_tasks_per_child
  bool quitting = false;    // was told to quit
  bool watched = false;     // its pidfd and its stderr are in the poller
  int failed_births = 0;    // in a row
  std::chrono::steady_clock::time_point last_taken;
  double seconds_each = 0;
  platform::Descriptor errors;  // the pipe of its stderr
  std::string last_lines;
  std::chrono::steady_clock::time_point restart_at;

  std::uint32_t in_lane() const { return head - tail; }
};

class PoolCore final : public detail::TaskSource {
 public:
  explicit PoolCore(detail::PoolSetup setup);
  ~PoolCore();

  Record& submit(const TaskType& type, detail::EncodeCall call);
  bool wait(Record& record, Deadline until) override;
  void attend() override;
  void wait_any(const std::vector<const Record*>& records);

  void close();
  void terminate();
  bool join(Deadline until);
  int size() const { return setup_.workers; }
  detail::PoolHandle::Counts counts();

 private:
  enum class State { open, closed, terminated, broken, joined };

  // pool_core.cpp; with mutex_ held
  void require_open() const;
  Record& run_here(const TaskType& type, detail::EncodeCall call);
  Place* place_for_task();
  void fill(Place& place, const Task& task, const std::byte* bytes, std::uint64_t size);
  bool take_results();
  bool take_results(Place& place);
  void take_result(Place& place, Slot& slot, Task& task);
  void adapt(Place& place, std::uint32_t taken);
  void hand_out();
  void rebalance();
  bool take_back_one(Place& from, Place& to);
  bool all_done() const;
  bool may_take(const Place& place) const;
  void finish(Task& task);
  void fail(Task& task, const std::exception_ptr& error);
  void fail_waiting(const std::exception_ptr& error);
  void quit(Place& place);
  void wake_waiters();
  bool wait_until(FunctionRef<bool()> done, Deadline until);
  void need_helper();
  void help();

  // supervisor.cpp
  void start_worker(Place& place);
  void supervise();
  void read_errors(Place& place);
  void bury(Place& place);
  void settle_running(Place& place, const platform::Ended& how);
  void restart_due();
  void give_up(const std::exception_ptr& cause);
  int milliseconds_to_next_restart() const;
  std::string task_name(const Task& task) const;
  void stop_threads();

  detail::PoolSetup setup_;
  const bool here_;  // BROOD_INLINE: no workers
  std::mutex mutex_;
  State state_ = State::open;
  std::exception_ptr broken_;
  std::vector<Place> places_;
  std::deque<Waiting> waiting_;
  std::uint32_t next_place_ = 0;
  std::uint64_t done_ = 0, failed_ = 0, restarts_ = 0;
  arena::Run results_run_;
  Results* results_ = nullptr;
  std::atomic<int> waiters_{0};
  bool watched_ = false;  // somebody has asked for a callback

  platform::Poller poller_;
  std::mutex ending_;  // one at a time joins the threads
  std::thread supervisor_, helper_;
  bool stop_ = false;
};

/// Every pool of this process that has not been joined, for the end of the process.
void end_all_pools();

}  // namespace brood::pool
