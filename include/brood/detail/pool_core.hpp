#pragma once
// The byte side of Pool: what the templates call.

#include <brood/call_options.hpp>
#include <brood/detail/callable.hpp>
#include <brood/detail/packed_call.hpp>
#include <brood/detail/record.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/start_method.hpp>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace brood::pool {
class Core;
}

namespace brood::detail {

/// One for each kind of call; a constant of the program.
struct TaskType {
  Thunk run;
  std::string_view function;  // the function's name, or the type of the pointer that the call begins with
  bool by_pointer;
  std::string (*tell)(Reader& call);  // the arguments, for messages
};

/// Writes the call, perhaps twice: see Writer.
struct EncodeCall {
  void (*encode)(Writer& to, const void* call);
  const void* call;

  /// `write(Writer&)` does it; it must outlive the call.
  template <class Write>
  static EncodeCall by(const Write& write) {
    return {[](Writer& to, const void* w) { (*static_cast<const Write*>(w))(to); }, &write};
  }
};

/// Work of many tasks that goes on while nobody waits for it.
class UnderWay {
 public:
  virtual ~UnderWay() = default;
  /// Takes in what has ended and submits what follows, whenever tasks of the pool have ended; one thread at a
  /// time. True when all of it is over. Throws nothing.
  virtual bool go_on() = 0;
  /// Why it failed, after it is over.
  virtual std::exception_ptr failure() const = 0;
};

struct PoolSetup {
  int workers;
  PackedCall initializer;
  int max_tasks_per_child;
  std::string name;
  std::chrono::nanoseconds max_worker_age{};  // 0: none, as all that follow
  std::uint64_t max_worker_memory = 0;
  std::uint64_t memory_limit = 0;
  int restart_intensity = 3;
  std::chrono::nanoseconds restart_period{};
  int max_pending = 0;
};

/// What Pool<> holds.
class PoolHandle {
 public:
  explicit PoolHandle(PoolSetup setup);
  /// Of a pool whose end is somebody else's business.
  explicit PoolHandle(std::shared_ptr<pool::Core> borrowed);
  ~PoolHandle();  // finishes the work
  PoolHandle(PoolHandle&&) noexcept;
  PoolHandle& operator=(PoolHandle&&) noexcept;

  Record& submit(const TaskType& type, EncodeCall call, const CallOptions* options);
  /// Waits until one of them is done. False when the deadline has passed.
  bool wait_any(const std::vector<const Record*>& records, Deadline until = Deadline::never());
  /// Pool::wait_any, when none of them is done.
  std::size_t wait_any_of(const std::vector<Record*>& records);
  /// Whether there is somebody to look after work that is under way: not in a worker.
  bool can_look_after() const;
  /// A thread of the pool goes on with it until it is over, and the pool's end waits for that. Then the
  /// record is done.
  Record& look_after(std::shared_ptr<UnderWay> work);
  /// The same pool, whose end is somebody else's business.
  PoolHandle borrow() const { return PoolHandle(core_); }
  void close();
  void terminate();
  bool join(Deadline until);
  int size() const;
  /// Calls must not share a task: the pool counts them.
  bool each_by_itself() const;
  struct Counts {
    std::uint64_t queued, running, done, failed, restarts, reruns;
    int workers;
  };
  Counts counts() const;

 private:
  pool::Core& core() const;
  std::shared_ptr<pool::Core> core_;
  bool borrowed_ = false;
};

}  // namespace brood::detail
