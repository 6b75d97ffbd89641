// The way of a task into a lane.

#include <algorithm>
#include <brood/codec.hpp>
#include <brood/errors.hpp>
#include <cstring>

#include "base/scope.hpp"
#include "platform/surroundings.hpp"
#include "pool/pool_core.hpp"
#include "process/session.hpp"

namespace brood::pool {

namespace {

thread_local PoolCore* running_here = nullptr;

}  // namespace

void PoolCore::require_open() const {
  switch (state_) {
    case State::open:
      return;
    case State::broken:
      std::rethrow_exception(broken_);
    default:
      throw UsageError(
          "the pool takes no more tasks: it has been closed; submit before close(), or make a new Pool");
  }
}

Record& PoolCore::submit(const TaskType& type, detail::EncodeCall call, const CallOptions* options) {
  if (here_) return run_here(type, call);
  process::require_member();
  if (const Books books(*this, std::try_to_lock); books) return submit_now(type, call, options);
  return leave_task(type, call, options);
}

Record& PoolCore::submit_now(const TaskType& type, detail::EncodeCall call, const CallOptions* options) {
  require_open();
  const bool alone = options != nullptr && options->time_limit;
  if (!waiting_.empty()) turn();
  Place* place = waiting_.empty() ? place_for_task(alone) : nullptr;
  if (place == nullptr) {
    turn();
    place = waiting_.empty() ? place_for_task(alone) : nullptr;
  }

  // Straight to where its call is kept, when there is a slot for it.
  Waiting made;
  std::byte room[sizeof Slot::data];
  std::byte* const to = place != nullptr ? place->call_at(place->head) : room;
  Record& record = encode_task(made, type, call, options, to);
  try {
    if (place != nullptr && !is_late(made.task)) {
      if (made.task.limits) schedule(*made.task.limits);
      const std::byte* const bytes = made.task.arguments ? nullptr : to;
      fill(*place, std::move(made.task), bytes, made.size);
    } else {
      if (!made.task.arguments) made.bytes.assign(to, to + made.size);
      Task* const there = line_up(waiting_, std::move(made), false);
      if (there != nullptr && is_late(*there)) expire(*there->limits);
    }
  } catch (const std::bad_alloc&) {  // told by its future; nothing is left of it where it stands in line
    resolve(made.task, std::current_exception());
    drop_call(made.task);
  }
  // While nobody waits the helper does what is left to do; a result that came before it is told of that is
  // taken now.
  const bool more_than_one = place == nullptr || place->in_lane() > 1;
  if (more_than_one && waiters_.load() == 0 && results_->wanted.load(std::memory_order_relaxed) == 0) {
    want(Wanted::low);
    turn();
  }
  return record;
}

// Into `room`, as large as a slot's data, or into a run of the arena when it does not fit there. Does not
// need the books; runs the user's codecs.
Record& PoolCore::encode_task(Waiting& made, const TaskType& type, detail::EncodeCall call,
                              const CallOptions* options, std::byte* room) {
  Task& task = made.task;
  task.type = &type;
  std::byte* to = room;
  Writer writer(to, sizeof Slot::data);
  call.encode(writer, call.call);
  made.size = writer.written();
  OnExit unused([&] { arena::free(task.arguments); });
  if (!writer.fits()) {
    task.arguments = arena::allocate(made.size);
    to = arena::at(task.arguments.offset, made.size);
    Writer whole(to, made.size);
    call.encode(whole, call.call);
  }
  if (type.by_pointer) std::memcpy(&task.function, to, sizeof task.function);
  if (!writer.handles().empty())
    task.names = std::make_unique<detail::HeldNames>(detail::HeldNames::of(writer.handles()));
  if (options != nullptr) task.limits = limits_of(*options, {to, made.size}, writer.handles());
  task.record = &detail::take_record(*this);
  if (task.limits) task.limits->record = task.record;
  unused.dismiss();
  return *task.record;
}

// Where it stands then. Without memory for its place, or for its timer, the task fails, and this is null.
Task* PoolCore::line_up(std::deque<Waiting>& line, Waiting&& waiting, bool first) {
  try {
    if (waiting.task.limits) schedule(*waiting.task.limits);
    Task& there =
        (first ? line.emplace_front(std::move(waiting)) : line.emplace_back(std::move(waiting))).task;
    there.record->task = &there;
    return &there;
  } catch (const std::bad_alloc&) {
    resolve(waiting.task, std::current_exception());
    drop_call(waiting.task);
    return nullptr;
  }
}

// `alone`: only when it would begin with it at once.
bool PoolCore::may_take(const Place& place, bool alone) const {
  return place.lane != nullptr && !place.quitting && !place.waits &&
         place.in_lane() < (alone ? 1 : place.depth) &&
         (setup_.max_tasks_per_child == 0 ||
          place.given < static_cast<std::uint32_t>(setup_.max_tasks_per_child));
}

// The last one when it has nothing to do: it may still be awake, and another would want its processor. Else
// the next in turn, or the one after it when that has less to do.
Place* PoolCore::place_for_task(bool alone) {
  const auto n = used_places_;
  Place& last = places_[(next_place_ + n - 1) % n];
  if (may_take(last, alone) && last.in_lane() == 0) return &last;
  for (std::size_t tried = 0; tried < n; ++tried) {
    Place& one = places_[next_place_++ % n];
    if (!may_take(one, alone)) continue;
    Place& other = places_[next_place_ % n];
    return may_take(other, alone) && other.in_lane() < one.in_lane() ? &other : &one;
  }
  return nullptr;
}

// `bytes`: of the call, perhaps where they are kept already; null: they are in the task's run.
void PoolCore::fill(Place& place, Task task, const std::byte* bytes, std::uint64_t size) {
  Slot& slot = place.slot_at(place.head);
  if (bytes != nullptr) {
    std::byte* const kept = place.call_at(place.head);
    if (bytes != kept) std::memcpy(kept, bytes, size);
    std::memcpy(slot.data, bytes, size);
  }
  task.size = size;
  slot.content = Content::value;
  slot.thunk = task.asked ? task.asked->thunk : detail::code_ref_of(task.type->run).word;
  slot.size = size;
  slot.run_offset = task.arguments.offset;
  slot.run_generation = task.arguments.generation;
  slot.memory_limit = task.limits ? task.limits->options.memory_limit.value_or(0) : 0;
  if (task.limits) begin_time_limit(task);
  if (place.in_lane() == 0) place.last_taken = std::chrono::steady_clock::now();
  if (task.record != nullptr) task.record->task = &place.task_at(place.head);
  place.task_at(place.head) = std::move(task);
  ++place.head;
  ++place.given;
  place.lane->program_processor.store(platform::this_processor(), std::memory_order_relaxed);
  // Sequentially consistent: before the look whether the worker sleeps.
  slot.state.store(raw(SlotState::ready));
  place.lane->work.wake_one();
}

void PoolCore::hand_out(std::deque<Waiting>& waiting) {
  while (!waiting.empty()) {
    Waiting& next = waiting.front();
    if (!next.task.exists()) {
      --withdrawn_;
      waiting.pop_front();
      continue;
    }
    if (is_late(next.task)) {
      expire(*next.task.limits);
      continue;
    }
    Place* place = place_for_task(next.task.limits && next.task.limits->options.time_limit);
    if (place == nullptr) break;
    fill(*place, std::move(next.task), next.bytes.empty() ? nullptr : next.bytes.data(), next.size);
    waiting.pop_front();
  }
}

void PoolCore::hand_out() {
  hand_out(asked_);  // somebody waits for these
  hand_out(waiting_);
  if (waiting_.empty()) rebalance();
  if (setup_.max_tasks_per_child == 0) return;
  for (std::size_t i = 0; i < used_places_; ++i) {
    auto& place = places_[i];
    if (place.lane != nullptr && !place.quitting &&
        place.given >= static_cast<std::uint32_t>(setup_.max_tasks_per_child)) {
      quit(place);
    }
  }
}

// A worker with nothing to do gets what waits behind another's task.
void PoolCore::rebalance() {
  for (std::size_t i = 0; i < used_places_; ++i) {
    auto& idle = places_[i];
    if (idle.in_lane() != 0 || !may_take(idle)) continue;
    Place* busiest = nullptr;
    std::uint32_t most = 1;
    for (std::size_t k = 0; k < used_places_; ++k) {
      auto& place = places_[k];
      // Not what was taken back: behind a task that does not end that stays in the lane.
      const auto tasks = place.lane != nullptr && place.in_lane() > most ? place.tasks_in_lane() : 0;
      if (tasks <= most) continue;
      most = tasks;
      busiest = &place;
    }
    if (busiest == nullptr) return;
    Waiting moved;
    for (auto n = most / 2; n > 0 && may_take(idle) && take_back_last(*busiest, moved); --n) {
      fill(idle, std::move(moved.task), moved.bytes.empty() ? nullptr : moved.bytes.data(), moved.size);
    }
  }
}

// The last task of a lane, when it was not begun.
bool PoolCore::take_back_last(Place& from, Waiting& taken) {
  for (auto at = from.head; at-- != from.tail;) {
    Task& task = from.task_at(at);
    if (!task.exists()) continue;
    Slot& slot = from.slot_at(at);
    taken.bytes.reserve(sizeof slot.data);  // before it is taken: without memory it must stay
    auto ready = raw(SlotState::ready);
    if (!slot.state.compare_exchange_strong(ready, raw(SlotState::revoked))) return false;
    taken.size = task.size;
    taken.bytes.clear();
    if (!task.arguments) taken.bytes.assign(from.call_at(at), from.call_at(at) + task.size);
    taken.task = std::exchange(task, {});
    if (taken.task.limits) taken.task.limits->over_at = Clock::time_point::max();
    --from.given;
    return true;
  }
  return false;
}

// All that was not begun, to the head of the line it came from.
void PoolCore::take_back_all(Place& from) {
  Waiting back;
  while (take_back_last(from, back)) {
    if (back.task.record != nullptr) {
      line_up(back.task.asked ? asked_ : waiting_, std::move(back), true);
    } else {
      drop_call(back.task);  // resolved by the end of the pool
    }
    back = {};
  }
}

void PoolCore::quit(Place& place) {
  place.quitting = true;
  Slot& slot = place.slot_at(place.head);
  if (slot.state.load(std::memory_order_relaxed) != raw(SlotState::free)) condemn(place);
  slot.content = Content::quit;
  place.task_at(place.head) = {};
  slot.state.store(raw(SlotState::ready));
  place.lane->work.wake_one();
}

// BROOD_INLINE: the call is made here and now, through the same bytes.
Record& PoolCore::run_here(const TaskType& type, detail::EncodeCall call) {
  {
    const Books books(*this);
    require_open();
  }
  Record& record = detail::take_record(*this);
  Writer measure(nullptr, 0);
  call.encode(measure, call.call);
  std::vector<std::byte> bytes(measure.written());
  Writer writer(bytes.data(), bytes.size());
  call.encode(writer, call.call);
  const auto names = detail::HeldNames::of(writer.handles());
  class Sink final : public detail::ResultSink {
   public:
    explicit Sink(Record& r) : r_(r) {}
    void deliver(Write write, const void* value) override { detail::keep_encoded(r_, write, value); }

   private:
    Record& r_;
  } sink(record);
  auto* const outer = std::exchange(running_here, this);
  try {
    Reader from(bytes.data(), bytes.size());
    type.run(from, &sink);
    ++done_;
  } catch (...) {
    record.error = std::current_exception();
    ++failed_;
  }
  running_here = outer;
  if (detail::finish_record(record)) detail::run_callbacks(&platform::say);
  return record;
}

std::shared_ptr<Core> inline_core() {
  return running_here != nullptr ? running_here->shared_from_this() : nullptr;
}

}  // namespace brood::pool
