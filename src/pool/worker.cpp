#include "pool/worker.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <brood/detail/packed_call.hpp>
#include <brood/detail/worker_state.hpp>
#include <brood/errors.hpp>
#include <brood/task_errors.hpp>
#include <brood/this_worker.hpp>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <utility>
#include <vector>

#include "arena/arena.hpp"
#include "arena/references.hpp"
#include "base/planted.hpp"
#include "base/scope.hpp"
#include "base/text.hpp"
#include "exec/failure.hpp"
#include "platform/memory.hpp"
#include "platform/modules.hpp"
#include "platform/surroundings.hpp"
#include "platform/waits.hpp"
#include "pool/core.hpp"
#include "pool/lanes.hpp"
#include "pool/memory_limit.hpp"
#include "process/session.hpp"
#include "process/terminal.hpp"

namespace brood {
namespace pool {
namespace {

using Clock = std::chrono::steady_clock;

Lane* current = nullptr;
std::uint32_t task_number = 0;  // of the running task, or of the last one; from 1 on
constexpr auto nowhere = ~std::uint32_t{0};
std::uint32_t told_processor = nowhere;  // the last value that the program was given

// Writes bytes into a slot, or into a run of the arena if they do not fit.
template <class Write>
void write_into(Slot& slot, Content content, Write write) {
  Writer here(slot.data, sizeof slot.data);
  write(here);
  const detail::Names names = here.handles();
  detail::write_names(here, names);
  arena::Run run;
  if (!here.fits()) {
    run = arena::allocate(here.written());
    Writer there(arena::all_of(run.offset, here.written()), here.written());
    write(there);
    detail::write_names(there, names);
  }
  slot.content = content;
  slot.size = here.written();
  slot.run_offset = run.offset;
  slot.run_generation = run.generation;
  slot.names = static_cast<std::uint32_t>(names.size());
  for (const auto object : names) arena::leave(object);
}

class SlotSink final : public detail::ResultSink {
 public:
  SlotSink(Slot& slot, MemoryLimit& limit) : slot_(slot), limit_(limit) {}
  void deliver(Write write, const void* value) override {
    limit_.check();
    write_into(slot_, Content::value, [&](Writer& to) { write(to, value); });
  }

 private:
  Slot& slot_;
  MemoryLimit& limit_;
};

// `original`: the exception that was thrown, if the task ends with another one instead.
[[gnu::noinline]] void write_exception(Slot& slot, const platform::ThrowRecorder& recorder,
                                       const std::exception_ptr& error, const std::exception_ptr& original) {
  const auto stack_of = [&](const std::exception_ptr& each) {
    // An error that replaces the thrown exception gets the stack of that throw.
    return detail::Stack::of(recorder.stack_of(each == error ? original : each));
  };
  const auto in_short = [&](const char* type, const std::string& text) {
    write_into(slot, Content::exception,
               [&](Writer& to) { exec::write_plain_error(to, type, shortened(text, 64)); });
  };
  try {
    const auto bytes = exec::encoded(error, stack_of);
    write_into(slot, Content::exception, [&](Writer& to) { to.bytes(bytes.data(), bytes.size()); });
  } catch (const std::exception& e) {  // no memory even for this: report it in short form
    in_short("brood::NoMemory", e.what());
  }
}

// Writes the slot's result first; the program collects it when it notices that this process has ended.
[[gnu::noinline, noreturn]] void fail_without_thread(Slot& slot, const platform::ThrowRecorder& recorder) {
  const auto error = std::make_exception_ptr(UsageError(
      "the task called pthread_exit, or was cancelled with pthread_cancel, which ends its worker; let it "
      "return or throw"));
  write_exception(slot, recorder, error, error);
  slot.state.store(static_cast<std::uint32_t>(SlotState::done));
  std::exit(0);
}

// Fails the task with the exception being handled.
[[gnu::noinline]] void fail(Slot& slot, const platform::ThrowRecorder& recorder, MemoryLimit& limit) {
  const auto original = std::current_exception();
  const auto error = original != nullptr
                         ? limit.cause_of(original)
                         : std::make_exception_ptr(RemoteError(
                               "the task threw something that is not an exception of C++", {}, nullptr));
  write_exception(slot, recorder, error, original);
}

// no_sanitize: the C library's forced unwinding has no exception object to refer to.
__attribute__((no_sanitize("null"))) void run_task(Slot& slot) {
  // Read the task before the result overwrites it.
  const auto size = slot.size;
  const std::byte* bytes = slot.run_offset != 0 ? arena::all_of(slot.run_offset, size) : slot.data;
  const platform::ThrowRecorder recorder;
  MemoryLimit limit(*current, task_number, slot.memory_limit);
  try {
    const auto thunk = detail::code_as<std::remove_pointer_t<detail::Thunk>>(detail::CodeRef{slot.thunk});
    Reader call(bytes, size);
    slot.content = Content::value;
    slot.size = 0;
    slot.run_offset = 0;
    slot.names = 0;
    SlotSink sink(slot, limit);
    thunk(call, &sink);
    if (slot.size == 0) limit.check();
  } catch (const abi::__forced_unwind&) {  // forced unwinding may end only with the thread
    limit.lift();
    fail_without_thread(slot, recorder);
  } catch (...) {
    limit.lift();
    fail(slot, recorder, limit);
  }
}

// Sets `full` if the worker needs replacing. At most once per millisecond: reading the size costs a file
// read.
void look_at_memory(Lane& lane) {
  static Clock::time_point next;
  const auto now = Clock::now();
  if (now < next) return;
  next = now + std::chrono::milliseconds(1);
  if (platform::resident_memory() > lane.most_memory) lane.full.store(1);
}

// Stores the worker's processor when it has changed, so that a waiter on the same processor does not spin.
// Relaxed: a hint only.
void tell_processor(Lane& lane) {
  const auto here = platform::this_processor();
  if (std::exchange(told_processor, here) != here)
    lane.worker_processor.store(here, std::memory_order_relaxed);
}

// Measures the time per task while tasks follow each other, so that the program knows which workers are
// quick. Evaluated when the worker becomes idle, and every 64 tasks.
class Pace {
 public:
  explicit Pace(Lane& lane) : lane_(lane) {}
  void begin(Clock::time_point now) { since_ = now; }
  void one_more() {
    if (++tasks_ == 64) {
      const auto now = Clock::now();
      rest(now);
      begin(now);
    }
  }
  void rest(Clock::time_point now) {
    if (tasks_ == 0) return;
    const double each = std::chrono::duration<double, std::nano>(now - since_).count() / tasks_;
    tasks_ = 0;
    // A single expensive task, such as the first call, must not count for long.
    each_ = std::min(each, 0.5 * (each_ + each));
    // Store it only if it has changed by a quarter: the program reads this cache line. Relaxed: a hint only.
    if (std::abs(each_ - told_) * 4 < told_) return;
    told_ = each_;
    lane_.nanoseconds_each.store(static_cast<std::uint32_t>(std::clamp(each_, 1.0, 4e9)),
                                 std::memory_order_relaxed);
  }

 private:
  Lane& lane_;
  Clock::time_point since_{};
  std::uint32_t tasks_ = 0;
  double each_ = 0, told_ = 0;
};

// A task has closed all descriptors, perhaps through a library that daemonises. Nothing of brood that needs a
// descriptor works here any more, and nothing would end this process with the program, so another worker
// replaces it.
[[noreturn]] void end_without_descriptors() {
  const auto& me = process::session();
  platform::say(
      "brood: " + me.name + " (pid " + std::to_string(me.pid) +
      ") is replaced, for a task has closed the descriptors that brood needs; close only your own\n");
  std::exit(1);
}

// Waits until the slot is no longer free; returns false if it was not free to begin with. Spins briefly
// first: waking a sleeper costs more than most tasks. `many_before`: tasks came one after another. If the
// program runs on this processor, this worker then yields so that the program can submit more; a sleeping
// worker would have to be woken for each task, which takes the processor from the program.
bool wait_for_task(Lane& lane, Slot& slot, bool many_before, Pace& pace) {
  const auto idle = [&] {
    return slot.state.load(std::memory_order_acquire) == static_cast<std::uint32_t>(SlotState::free);
  };
  if (!idle()) return false;
  const auto now = Clock::now();
  const auto until = now + platform::spin_time;
  pace.rest(now);
  const OnExit begins([&] { pace.begin(Clock::now()); });
  do {
    for (int i = 0; i < 64; ++i) {
      platform::relax();
      if (!idle()) return true;
    }
  } while (lane.program_processor.load(std::memory_order_relaxed) != platform::this_processor() &&
           Clock::now() < until);
  if (many_before) platform::yield();
  const auto what = [](platform::WaitText& text) { text << "a worker without a task"; };
  platform::WaitNote waiting(what, platform::WaitNote::Kind::idle);
  while (idle()) {
    const auto seen = lane.work.prepare();
    if (!idle()) break;
    if (!process::session().line_above.is_intact()) end_without_descriptors();
    lane.work.sleep(seen, detail::Deadline::in(waiting.patience()));
  }
  return true;
}

// Announces each result. Revoked slots are announced once the last of them has been passed: the program may
// be waiting only for room in this lane.
void tell(Results& results, const Slot& following, bool taken_back) {
  const auto state = following.state.load(std::memory_order_relaxed);
  const bool low = state != static_cast<std::uint32_t>(SlotState::ready);
  if (taken_back && (!low || state == static_cast<std::uint32_t>(SlotState::revoked))) return;
  results.ready.wake_sleepers();
  const auto wanted = static_cast<Wanted>(results.wanted.load());
  if (wanted == Wanted::all || (wanted == Wanted::low && low)) results.helper.wake_sleepers();
}

}  // namespace

// noinline, and with the attribute of run_task, which is inlined into it.
[[gnu::noinline]] __attribute__((no_sanitize("null"))) void work(Lane& lane) {
  auto& results = *arena::object_at<Results>(lane.results);
  const std::uint32_t last_slot = lane.slot_count - 1;
  std::uint32_t in_a_row = 0, lately = 0;
  Pace pace(lane);
  pace.begin(Clock::now());
  for (std::uint32_t next = 0;; ++next) {
    Slot& slot = lane.slots[next & last_slot];
    if (wait_for_task(lane, slot, lately + in_a_row > 4, pace)) {
      lately = (lately + in_a_row) / 2;
      in_a_row = 0;
    }
    ++in_a_row;
    auto ready = static_cast<std::uint32_t>(SlotState::ready);
    const auto begun =
        planted("not_marked_as_running") ? ready : static_cast<std::uint32_t>(SlotState::running);
    const bool taken_back = !slot.state.compare_exchange_strong(ready, begun);
    if (!taken_back) {
      if (slot.content == Content::quit) return;
      task_number = next + 1;
      tell_processor(lane);
      if (planted("done_before_result")) slot.state.store(static_cast<std::uint32_t>(SlotState::done));
      run_task(slot);
      process::give_terminal_back();
      pace.one_more();
      if (lane.most_memory != 0) look_at_memory(lane);
    }
    // Sequentially consistent: the store must precede the look for sleepers.
    slot.state.store(static_cast<std::uint32_t>(taken_back ? SlotState::passed : SlotState::done));
    tell(results, lane.slots[(next + 1) & last_slot], taken_back);
  }
}

// The main function of a worker process. The initializer comes as an encoded call, empty if there is none.
void worker_main(std::uint64_t initializer, std::vector<std::byte> call) {
  Lane& lane = own_lane();
  platform::make_present(&lane, Lane::size_with(lane.slot_count));
  current = &lane;
  platform::note_crashes(lane.crash);
  const MemoryLimit limit(lane, 0, lane.memory_limit);
  auto& results = *arena::object_at<Results>(lane.results);
  if (initializer != 0) {
    const platform::ThrowRecorder recorder;
    try {
      Reader from(call.data(), call.size());
      detail::code_as<std::remove_pointer_t<detail::Thunk>>(detail::CodeRef{initializer})(from, nullptr);
    } catch (...) {
      const auto error = std::current_exception();
      write_exception(lane.birth, recorder, error, error);
      lane.up.store(2);
      results.ready.wake_sleepers();
      return;
    }
  }
  lane.up.store(1);
  work(lane);
  detail::drop_state();
}

void forget_worker() {
  current = nullptr;
  task_number = 0;
  told_processor = nowhere;
  forget_memory_limit();
  forget_asking();
}

}  // namespace pool

namespace this_worker {
namespace {

// Under BROOD_INLINE the caller counts as the one worker of every pool.
template <class T>
T of_lane(T pool::Lane::*field, T when_inline) {
  if (pool::current != nullptr) return pool::current->*field;
  if (pool::inline_core() != nullptr) return when_inline;
  throw UsageError("this process is not the worker of a pool; ask inside a task");
}

}  // namespace

bool exists() { return pool::current != nullptr || pool::inline_core() != nullptr; }
int index() { return static_cast<int>(of_lane<std::uint32_t>(&pool::Lane::index, 0)); }
std::uint32_t incarnation() { return of_lane<std::uint32_t>(&pool::Lane::incarnation, 1); }
StopToken stop_token() {
  return pool::current != nullptr && pool::task_number != 0
             ? StopToken(pool::current->stop, pool::task_number)
             : StopToken();
}
std::uint64_t seed() { return of_lane<std::uint64_t>(&pool::Lane::seed, 1); }

}  // namespace this_worker

bool StopToken::wait_for(Timeout timeout) const {
  const auto until = timeout.deadline();
  static const std::atomic<std::uint32_t> nothing{0};
  const auto& word = word_ != nullptr ? *word_ : nothing;
  const auto what = [](platform::WaitText& text) {
    text << "StopToken::wait_for, until it is asked to stop";
  };
  platform::WaitNote waiting(what);
  for (auto seen = word.load(); !stop_requested(); seen = word.load()) {
    if (until.passed()) return false;
    platform::park(word, seen, until.at_most(waiting.patience()));
  }
  return true;
}

}  // namespace brood
