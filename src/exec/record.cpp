#include <brood/detail/record.hpp>
#include <brood/detail/watch.hpp>
#include <brood/future.hpp>
#include <brood/task_errors.hpp>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "base/duration_text.hpp"
#include "base/immortal.hpp"
#include "exec/failure.hpp"
#include "platform/memory.hpp"

namespace brood::detail {
namespace {

constexpr std::uint32_t slab_bits = 12;
constexpr std::uint32_t slab_size = 1U << slab_bits;
constexpr std::uint32_t most_slabs = 65528;
constexpr std::uint32_t slabs_at_once = 11, batch = 256;

// Never returned to the system: a thread that has just lost a record may still read it.
struct Slab {
  std::atomic<Record*> slabs[most_slabs];
  std::uint32_t count = 0;  // number of records made; guarded by the mutex
  // {tag 32 | index + 1}: every pop changes the tag, so that a stale pop fails.
  std::atomic<std::uint64_t> free{0};
  std::mutex growing;
};
Slab& slab() {
  static Immortal<Slab> it;
  return *it;
}

// True when this process, or one it is a copy of, has had a future. Most children have not, and so never
// touch the memory of the slab and its companions.
constinit bool has_records = false;

Record& record_at(std::uint32_t index) {
  return slab().slabs[index >> slab_bits].load()[index & (slab_size - 1)];
}

void push_free(Record& record) {
  auto& all = slab();
  auto top = all.free.load(std::memory_order_relaxed);
  do {
    record.next_free.store(static_cast<std::uint32_t>(top), std::memory_order_relaxed);
    // release: pairs with pop_free(), so the next owner sees our writes to the record done.
  } while (!all.free.compare_exchange_weak(top, (top & ~std::uint64_t{0xffffffff}) | (record.index + 1),
                                           std::memory_order_release, std::memory_order_relaxed));
}

Record* pop_free() {
  auto& all = slab();
  auto top = all.free.load(std::memory_order_acquire);
  while (static_cast<std::uint32_t>(top) != 0) {
    Record& first = record_at(static_cast<std::uint32_t>(top) - 1);
    // relaxed: another thread may just have taken this record and be writing to it; then the changed tag
    // makes the exchange fail.
    const std::uint64_t next = ((top >> 32) + 1) << 32 | first.next_free.load(std::memory_order_relaxed);
    if (all.free.compare_exchange_weak(top, next, std::memory_order_acquire)) return &first;
  }
  return nullptr;
}

// The first slab is made alone, for programs with few futures.
void add_slabs(std::uint32_t n) {
  auto& slabs = slab().slabs;
  if (n == 0) return slabs[0].store(std::allocator<Record>().allocate(slab_size));
  static_assert((most_slabs - 1) % slabs_at_once == 0);
  auto* const memory = platform::map_large(slabs_at_once * slab_size * sizeof(Record));
  for (std::uint32_t i = 0; i < slabs_at_once; ++i)
    slabs[n + i].store(reinterpret_cast<Record*>(memory) + std::size_t{i} * slab_size);
}

// Makes only as many records at a time as are needed: they are in memory that has never been touched.
void add_records() {
  auto& all = slab();
  const std::lock_guard lock(all.growing);
  has_records = true;
  if (static_cast<std::uint32_t>(all.free.load()) != 0) return;
  const std::uint32_t first = all.count, n = first >> slab_bits;
  if (n == most_slabs) throw NoMemory("more than 268 million futures at once");
  if (all.slabs[n].load() == nullptr) add_slabs(n);
  if (n == 0) platform::make_present(&record_at(first), batch * sizeof(Record));
  all.count += batch;
  for (std::uint32_t i = first + batch; i-- > first;) {
    Record& record = *new (&record_at(i)) Record;
    record.index = i;
    push_free(record);
  }
}

void give_back(Record& record) {
  Names names;
  if (record.names != 0 && record.take_names(names)) let_go_names(names);
  if (record.release != nullptr) record.release(record.block_name);
  record.release = nullptr;
  record.block = nullptr;
  record.error = nullptr;
  if (!record.large.empty()) record.large = {};
  record.size = 0;
  record.names = 0;
  record.names_taken = false;
  if (record.callbacks != nullptr) delete std::exchange(record.callbacks, nullptr);
  push_free(record);
}

}  // namespace

void keep_encoded(Record& record, void (*write)(Writer& to, const void* value), const void* value) {
  Writer measure(nullptr, 0);
  write(measure, value);
  record.large.resize(measure.written() + size_of_names(measure.handles().size()));
  Writer to(record.large.data(), record.large.size());
  write(to, value);
  const Names names = to.handles();
  write_names(to, names);
  hold_names(names);
  record.names = static_cast<std::uint32_t>(names.size());
}

bool Record::take_names(Names& taken) {
  if (std::exchange(names_taken, true)) return false;
  taken = names_behind(data() + bytes(), names);
  return true;
}

namespace {

// Failures by their texts; keeps the first of each, for the task it comes from.
struct Unseen {
  struct Same {
    int count = 0;
    std::exception_ptr first;
  };
  static constexpr std::size_t most_texts = 10;
  std::mutex mutex;
  std::map<std::string, Same> texts;
  int count = 0;
};
Unseen& unseen() {
  static Immortal<Unseen> it;
  return *it;
}

}  // namespace

Record& take_record(TaskSource& source) {
  Record* record = pop_free();
  while (record == nullptr) {
    add_records();
    record = pop_free();
  }
  // relaxed: the record is ours alone until it is handed out.
  record->word.store(0, std::memory_order_relaxed);
  record->source = &source;
  record->life = *process_life;
  record->task = nullptr;
  return *record;
}

namespace {

// Sets a mark; the thread that sets the last one due frees the record.
std::uint32_t mark(Record& record, std::uint32_t bit) {
  // release: writes before the mark are visible with it; acquire: so are those that others made before their
  // marks.
  const auto before = record.word.fetch_or(bit, std::memory_order_acq_rel);
  const auto owed = [](std::uint32_t word) {
    return (word & Record::awaited) != 0 ? Record::done | Record::dropped | Record::called
                                         : Record::done | Record::dropped;
  };
  const auto after = before | bit;
  if ((after & owed(after)) != owed(after) || (before & owed(before)) == owed(before)) return before;
  if (record.error && (after & Record::looked) == 0) note_unseen(record.error);
  give_back(record);
  return before;
}

struct Callbacks {
  std::mutex mutex;
  std::deque<Record*> ready;
};
Callbacks& callbacks() {
  static Immortal<Callbacks> it;
  return *it;
}

}  // namespace

bool finish_record(Record& record) {
  // From here on the record may belong to another task, unless a mark in `before` reserves it for us.
  const auto before = mark(record, Record::done);
  if ((before & Record::watched) != 0) tell_watches(record);
  if ((before & Record::awaited) == 0) return false;
  auto& all = callbacks();
  const std::lock_guard lock(all.mutex);
  all.ready.push_back(&record);
  return true;
}

namespace {

void call(std::function<void()>& f, void (*report)(const std::string&)) {
  try {
    f();
  } catch (...) {
    try {
      const Failure failure(std::current_exception());
      report("brood: a callback of a task threw " + failure.type() + ": " + failure.what() + "\n");
    } catch (const std::bad_alloc&) {
      report("brood: a callback threw\n");
    }
  }
}

}  // namespace

void add_callback(Record& record, std::function<void()> f) {
  bool here = false;
  bool done = false;
  {
    auto& all = callbacks();
    const std::lock_guard lock(all.mutex);
    const auto before = record.word.fetch_or(Record::awaited, std::memory_order_acq_rel);
    done = (before & Record::done) != 0;
    // The task ended before any callback was added, or all earlier callbacks have run: nobody else will call
    // this one.
    here = done && ((before & Record::awaited) == 0 || (before & Record::called) != 0);
    if (here && (before & Record::awaited) == 0)
      record.word.fetch_and(~Record::awaited, std::memory_order_acq_rel);
    if (!here) {
      if (record.callbacks == nullptr) record.callbacks = new std::vector<std::function<void()>>;
      record.callbacks->push_back(std::move(f));
    }
  }
  if (here)
    call(f, [](const std::string& text) { std::fputs(text.c_str(), stderr); });
  else if (!done)
    record.source->attend();
}

bool callbacks_are_due() {
  auto& all = callbacks();
  const std::lock_guard lock(all.mutex);
  return !all.ready.empty();
}

bool run_callbacks(void (*report)(const std::string& text)) {
  auto& all = callbacks();
  bool any = false;
  for (;;) {
    Record* record = nullptr;
    {
      const std::lock_guard lock(all.mutex);
      if (all.ready.empty()) return any;
      record = all.ready.front();
      all.ready.pop_front();  // ours alone from here on, even if other threads run callbacks too
    }
    any = true;
    for (;;) {
      std::vector<std::function<void()>> now;
      {
        const std::lock_guard lock(all.mutex);
        if (record->callbacks != nullptr) now.swap(*record->callbacks);
        if (now.empty()) {
          mark(*record, Record::called);  // under the lock, so that a callback added later sees it
          break;
        }
      }
      for (auto& f : now) call(f, report);
    }
  }
}

void drop_record(Record& record) {
  if (record.is_of_this_process()) mark(record, Record::dropped);
}

void refuse_record(const Record* record) {
  if (record == nullptr) throw UsageError("this Future is empty: it was moved from, or never given a task");
  throw UsageError(
      "this Future was made in the process that this one is a copy of, and can be used there alone; what a "
      "child "
      "should know, hand to it as an argument or through a Queue");
}

// Other threads of the parent may have held the locks.
void forget_records() {
  if (!has_records) return;
  new (&slab().growing) std::mutex;
  new (&callbacks()) Callbacks;
  new (&unseen()) Unseen;
  forget_watches();
}

// Called wherever the last hold on a record ends, including destructors: always counts the failure, and keeps
// the text if there is memory for it.
void note_unseen(const std::exception_ptr& error) noexcept {
  auto& all = unseen();
  {
    const std::lock_guard lock(all.mutex);
    ++all.count;
  }
  try {
    const Failure failure(error);
    const std::lock_guard lock(all.mutex);
    if (all.texts.size() >= Unseen::most_texts && !all.texts.contains(failure.what())) return;
    auto& same = all.texts[failure.what()];
    if (++same.count == 1) same.first = error;
  } catch (...) {
  }
}

namespace {

std::string task_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const RemoteTrace& e) {
    return e.remote_task();
  } catch (...) {  // its text says so already
    return {};
  }
}

}  // namespace

std::string take_unseen() {
  auto& all = unseen();
  std::map<std::string, Unseen::Same> texts;
  int count = 0;
  {
    const std::lock_guard lock(all.mutex);
    texts.swap(all.texts);
    count = std::exchange(all.count, 0);
  }
  if (count == 0) return {};
  std::string text = "brood: " + std::to_string(count) +
                     (count == 1 ? " task failed and nobody looked at its result:\n"
                                 : " tasks failed and nobody looked at their results:\n");
  int told = 0;
  for (const auto& [what, same] : texts) {
    const bool many = same.count > 1;
    text += "  " + (many ? std::to_string(same.count) + " x " : "") + what;
    if (const auto task = task_of(same.first); !task.empty())
      text += (many ? "; the first in " : "; in ") + task;
    text += "\n";
    told += same.count;
  }
  if (told < count) text += "  and " + std::to_string(count - told) + " with other texts\n";
  return text;
}

std::string TaskSource::call_of(const Record&) { return {}; }

void throw_timeout(const Record& record, std::chrono::nanoseconds waited) {
  const auto call = record.source->call_of(record);
  const auto after = " after a wait of " + text_of(waited);
  if (call.empty())
    throw TimeoutError("the result is not there" + after + "; the work goes on, and may be waited for again");
  throw TimeoutError(call + " has not ended" + after +
                     "; it goes on, and its result may be waited for again");
}

}  // namespace brood::detail

namespace brood {

Failure::Failure(std::exception_ptr error) : error_(std::move(error)) {
  std::tie(type_, what_) = exec::describe(error_);
}

}  // namespace brood
