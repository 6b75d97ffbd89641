#pragma once
// The interface behind a Pool object: PoolCore in the process that made the pool, AskingCore in a worker that
// submits to its own pool.

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
  /// False in a forked copy of the process that owns it.
  bool is_of_this_process() const { return life_ == *detail::process_life; }
  using detail::TaskSource::wait_any;
  /// Waits until one of the records is done; false when the deadline has passed. Meant for a few records:
  /// each is examined every time.
  virtual bool wait_any(const std::vector<const detail::Record*>& records, detail::Deadline until) = 0;
  /// Submits a task. `options`: null for none.
  virtual detail::Record& submit(const detail::TaskType& type, detail::EncodeCall call,
                                 const CallOptions* options) = 0;
  /// See PoolHandle. look_after() may only be called where this is true.
  virtual bool can_look_after() const { return false; }
  virtual detail::Record& look_after(std::shared_ptr<detail::UnderWay> work) = 0;
  virtual void close() = 0;
  virtual void terminate() = 0;
  virtual bool join(detail::Deadline until) = 0;
  /// Waits for the tasks only; false when the deadline passed. what_still_runs() then names, as part of a
  /// sentence, what it is waiting for.
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
/// Forgets the inherited asking core in a new process: it is the parent's.
void forget_asking();
/// Runs the callbacks that are due, in one of brood's threads, with the signal mask of a thread of the
/// program. True when there were any.
bool run_callbacks_as_if_in(const platform::SignalMask& mask);
/// BROOD_INLINE: the pool whose task this thread runs, or nothing.
std::shared_ptr<Core> inline_core();

}  // namespace brood::pool
