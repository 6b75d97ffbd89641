#pragma once
// One task's result on its way to its Future. Records lie in a slab of the process that is never unmapped;
// whoever comes second, the one who finishes the task or the one who drops the Future, gives the record back.

#include <array>
#include <atomic>
#include <brood/codec.hpp>
#include <brood/detail/deadline.hpp>
#include <brood/detail/life.hpp>
#include <brood/detail/names.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

namespace brood::pool {
struct Task;
}

namespace brood::detail {

struct Record;
class Watch;
struct WatchEntry;

/// Who finishes the tasks: what a Future asks when it must wait.
class TaskSource {
 public:
  /// Waits until the record is done. False when the deadline has passed.
  virtual bool wait(Record& record, Deadline until) = 0;
  /// Waits until one of those that are watched is done, as long as one of this source is among them.
  virtual bool wait_any(const Watch& watch, Deadline until) = 0;
  /// A callback was added: somebody must look for results even when nobody waits.
  virtual void attend() = 0;
  /// Future::running.
  virtual bool running(Record& record) = 0;
  /// Future::cancel.
  virtual bool cancel(Record& record, bool kill) = 0;
  /// For messages: "parse(std::string) called with (\"a\")"; empty when it is not known.
  virtual std::string call_of(const Record& record);

 protected:
  ~TaskSource() = default;
};

struct Record {
  // awaited: there are callbacks; called: they have run; watched: a Watch is to be told.
  enum : std::uint32_t { done = 1, dropped = 2, looked = 4, awaited = 8, called = 16, watched = 32 };
  std::atomic<std::uint32_t> word{0};
  std::uint32_t index = 0;
  std::atomic<std::uint32_t> next_free{0};
  std::uint32_t life = 0;  // of the process that its Future is of
  TaskSource* source = nullptr;
  pool::Task* task = nullptr;  // the source's own business

  // Written before `done`.
  std::exception_ptr error;
  std::uint32_t size = 0;
  std::uint32_t names = 0;  // shared objects that the value names, and that are held; they lie behind it
  bool names_taken = false;
  std::array<std::byte, 64> small;
  std::vector<std::byte> large;
  // A block that lies elsewhere, and how to give it back.
  const std::byte* block = nullptr;
  std::uint64_t block_size = 0, block_name = 0;
  void (*release)(std::uint64_t name) = nullptr;
  std::vector<std::function<void()>>* callbacks = nullptr;  // guarded by one mutex for all
  WatchEntry* watch = nullptr;  // the first one's; guarded by the mutex of all watches

  /// Not in a copy that fork made of this one.
  bool is_of_this_process() const { return life == *process_life; }
  bool is_done() const { return (word.load(std::memory_order_acquire) & done) != 0; }
  const std::byte* data() const {
    return block != nullptr ? block : large.empty() ? small.data() : large.data();
  }
  /// Of the value, without the names.
  std::size_t bytes() const {
    return (block != nullptr ? block_size : large.empty() ? size : large.size()) - size_of_names(names);
  }
  /// The value is being decoded: what it names is the caller's to let go of, once. False when that was done
  /// before.
  bool take_names(Names& taken);
};

/// A value that stays in this process for its Future, as it would travel. `write` is called twice.
void keep_encoded(Record& record, void (*write)(Writer& to, const void* value), const void* value);
template <class T>
void keep_value(Record& record, const T& value) {
  keep_encoded(
      record, [](Writer& to, const void* v) { to.value(*static_cast<const T*>(v)); }, &value);
}

/// A record that is nobody's yet. Throws std::bad_alloc.
Record& take_record(TaskSource& source);
/// The task is over: what it left is in the record. True when there are callbacks to run.
bool finish_record(Record& record);
/// It has ended: whoever watches it is told.
void tell_watches(Record& record);
/// There are some to run.
bool callbacks_are_due();
/// Runs the callbacks of finished records; true when there were some. What they throw goes to `report`.
bool run_callbacks(void (*report)(const std::string& text));
/// The Future is gone. Does nothing with a record of another process.
void drop_record(Record& record);
/// A record is null, or of another process. Throws UsageError.
[[noreturn]] void refuse_record(const Record* record);
/// In a new process, which has one thread: what it inherited is its parent's.
void forget_records();

/// It was waited for this long. Throws TimeoutError.
[[noreturn]] void throw_timeout(const Record& record, std::chrono::nanoseconds waited);

/// Failures that nobody looked at: gathered here, said once.
void note_unseen(const std::exception_ptr& error) noexcept;
/// The text for stderr, empty when there were none; forgets them.
std::string take_unseen();

}  // namespace brood::detail
