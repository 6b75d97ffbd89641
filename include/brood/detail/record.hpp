#pragma once
// The result of one task on its way to its Future. Records are allocated from a slab that is never unmapped.
// Two parties release a record: the one that finishes the task and the one that drops the Future; the second
// to do so frees it.

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

/// Finishes tasks: a Future calls it when it must wait.
class TaskSource {
 public:
  /// Waits until the record is done. False when the deadline has passed.
  virtual bool wait(Record& record, Deadline until) = 0;
  /// Waits until one of the watched records is done; gives up once none of them belongs to this source.
  virtual bool wait_any(const Watch& watch, Deadline until) = 0;
  /// Called when a callback was added: from then on results must be taken even when nobody waits.
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
  // awaited: there are callbacks; called: they have run; watched: a Watch must be notified.
  enum : std::uint32_t { done = 1, dropped = 2, looked = 4, awaited = 8, called = 16, watched = 32 };
  std::atomic<std::uint32_t> word{0};
  std::uint32_t index = 0;
  std::atomic<std::uint32_t> next_free{0};
  std::uint32_t life = 0;  // the life number of the process that owns its Future
  TaskSource* source = nullptr;
  pool::Task* task = nullptr;  // for the source only

  // Written before `done`.
  std::exception_ptr error;
  std::uint32_t size = 0;
  std::uint32_t names = 0;  // number of held objects that the value names; their numbers follow the value
  bool names_taken = false;
  std::array<std::byte, 64> small;
  std::vector<std::byte> large;
  // A block of memory elsewhere that holds the value, and how to free it.
  const std::byte* block = nullptr;
  std::uint64_t block_size = 0, block_name = 0;
  void (*release)(std::uint64_t name) = nullptr;
  std::vector<std::function<void()>>* callbacks = nullptr;  // guarded by one mutex for all
  WatchEntry* watch = nullptr;  // head of a list; guarded by the mutex of all watches

  /// False in a forked copy of the process that made the record.
  bool is_of_this_process() const { return life == *process_life; }
  bool is_done() const { return (word.load(std::memory_order_acquire) & done) != 0; }
  const std::byte* data() const {
    return block != nullptr ? block : large.empty() ? small.data() : large.data();
  }
  /// The size of the value, without the names.
  std::size_t bytes() const {
    return (block != nullptr ? block_size : large.empty() ? size : large.size()) - size_of_names(names);
  }
  /// Hands the references to the named objects to a caller that decodes the value and then releases them.
  /// Works once: false when they have been taken before.
  bool take_names(Names& taken);
};

/// Stores the encoded value in the record, for a Future of this process. `write` is called twice.
void keep_encoded(Record& record, void (*write)(Writer& to, const void* value), const void* value);
template <class T>
void keep_value(Record& record, const T& value) {
  keep_encoded(
      record, [](Writer& to, const void* v) { to.value(*static_cast<const T*>(v)); }, &value);
}

/// Allocates a record. Throws std::bad_alloc.
Record& take_record(TaskSource& source);
/// Marks the record as done; its outcome must be stored already. True when there are callbacks to run.
bool finish_record(Record& record);
/// Notifies every Watch of a record that has ended.
void tell_watches(Record& record);
/// True when there are callbacks to run.
bool callbacks_are_due();
/// Runs the callbacks of finished records; true when there were any. Exceptions they throw are passed to
/// `report` as text.
bool run_callbacks(void (*report)(const std::string& text));
/// Lets go of the record on behalf of its Future. Does nothing with a record of another process.
void drop_record(Record& record);
/// Throws the UsageError for a record that is null or belongs to another process.
[[noreturn]] void refuse_record(const Record* record);
/// Forgets all records. Called in a new process, which has one thread: the records it inherited are its
/// parent's.
void forget_records();

/// Throws the TimeoutError of a wait that lasted `waited`.
[[noreturn]] void throw_timeout(const Record& record, std::chrono::nanoseconds waited);

/// Collects a failure that nobody examined, to be reported once.
void note_unseen(const std::exception_ptr& error) noexcept;
/// The report of the collected failures for stderr, empty when there are none. Forgets them.
std::string take_unseen();

}  // namespace brood::detail
