#pragma once
// What a Pool object talks to: PoolCore where the pool was made, AskingCore in a worker that submits to its
// own pool.

#include <brood/detail/life.hpp>
#include <brood/detail/pool_core.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "platform/child.hpp"

namespace brood::pool {

class Core : public detail::TaskSource {
 public:
  virtual ~Core() = default;
  /// Not in a copy that fork made of the process that has it.
  bool is_of_this_process() const { return life_ == *detail::process_life; }
  using detail::TaskSource::wait_any;
  /// Until one of them is done; for a few, for each is looked at each time. False when the deadline has
  /// passed.
  virtual bool wait_any(const std::vector<const detail::Record*>& records, detail::Deadline until) = 0;
  /// Without options: null.
  virtual detail::Record& submit(const detail::TaskType& type, detail::EncodeCall call,
                                 const CallOptions* options) = 0;
  /// See PoolHandle. Only where it can.
  virtual bool can_look_after() const { return false; }
  virtual detail::Record& look_after(std::shared_ptr<detail::UnderWay> work) = 0;
  virtual void close() = 0;
  virtual void terminate() = 0;
  virtual bool join(detail::Deadline until) = 0;
  /// Waits for the tasks alone; false when time ran out. What it waits for then, as a part of a sentence.
  virtual bool wait_for_tasks(detail::Deadline) { return true; }
  virtual std::string what_still_runs() { return {}; }
  virtual int size() const = 0;
  virtual bool each_by_itself() const { return false; }
  virtual detail::PoolHandle::Counts counts() = 0;

 private:
  const std::uint32_t life_ = *detail::process_life;
};

/// The pool whose worker this process is, for tasks that submit to it. Throws UsageError in any other
/// process.
std::shared_ptr<Core> asking_core();
/// In a new process: what it inherited of that is its parent's.
void forget_asking();
/// Runs the callbacks that are due, in a thread of brood's, with the mask of a thread of the program's; true
/// when there were some.
bool run_callbacks_as_if_in(const platform::SignalMask& mask);
/// BROOD_INLINE: the pool whose task this thread runs, or nothing.
std::shared_ptr<Core> inline_core();

}  // namespace brood::pool
