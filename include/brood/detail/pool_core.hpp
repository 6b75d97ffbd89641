#pragma once
// The untyped part of Pool, which the templates call.

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

/// Describes a kind of call; a constant in the program, one per kind.
struct TaskType {
  Thunk run;
  std::string_view function;  // the function's name, or the type of the pointer that the call begins with
  bool by_pointer;
  std::string (*tell)(Reader& call);  // the arguments, for messages
};

/// Encodes a call; may be invoked twice (see Writer).
struct EncodeCall {
  void (*encode)(Writer& to, const void* call);
  const void* call;

  /// Encodes with `write(Writer&)`; `write` must outlive this object.
  template <class Write>
  static EncodeCall by(const Write& write) {
    return {[](Writer& to, const void* w) { (*static_cast<const Write*>(w))(to); }, &write};
  }
};

/// Work of many tasks that progresses without a waiting thread.
class UnderWay {
 public:
  virtual ~UnderWay() = default;
  /// Takes the results of ended tasks and submits the next ones. Called whenever tasks of the pool have
  /// ended, by one thread at a time. True when all the work is over. Throws nothing.
  virtual bool go_on() = 0;
  /// The reason why it failed, once it is over.
  virtual std::exception_ptr failure() const = 0;
};

struct PoolSetup {
  int workers;
  PackedCall initializer;
  int max_tasks_per_child;
  std::string name;
  std::chrono::nanoseconds max_worker_age{};  // 0: none; likewise below
  std::uint64_t max_worker_memory = 0;
  std::uint64_t memory_limit = 0;
  int restart_intensity = 3;
  std::chrono::nanoseconds restart_period{};
  int max_pending = 0;
};

/// The member of Pool that does its work.
class PoolHandle {
 public:
  explicit PoolHandle(PoolSetup setup);
  /// A handle of a pool that another handle will end.
  explicit PoolHandle(std::shared_ptr<pool::Core> borrowed);
  ~PoolHandle();  // finishes the work
  PoolHandle(PoolHandle&&) noexcept;
  PoolHandle& operator=(PoolHandle&&) noexcept;

  Record& submit(const TaskType& type, EncodeCall call, const CallOptions* options);
  /// Waits until one of the records is done. False when the deadline has passed.
  bool wait_any(const std::vector<const Record*>& records, Deadline until = Deadline::never());
  /// Implements Pool::wait_any when no future is done yet.
  std::size_t wait_any_of(const std::vector<Record*>& records);
  /// True when this process can run look_after(): not in a worker.
  bool can_look_after() const;
  /// Lets a thread of the pool drive the work until it is over; the pool's end waits for that. Returns a
  /// record that is done then.
  Record& look_after(std::shared_ptr<UnderWay> work);
  /// Another handle of this pool, which does not end the pool.
  PoolHandle borrow() const { return PoolHandle(core_); }
  void close();
  void terminate();
  bool join(Deadline until);
  int size() const;
  /// True when calls must not share a task because the pool counts them.
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
