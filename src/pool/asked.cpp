// Tasks that workers submit to their own pool. They run like any other; the answer goes back through a queue
// of the worker's. A worker whose task waits for one cannot run others meanwhile, so a substitute runs in its
// place.

#include <algorithm>
#include <brood/errors.hpp>
#include <brood/task_errors.hpp>
#include <cstring>
#include <new>

#include "base/text.hpp"
#include "exec/failure.hpp"
#include "platform/surroundings.hpp"
#include "pool/pool_core.hpp"

namespace brood::pool {

namespace {

constexpr std::size_t longest_name = 500;
constexpr auto parking_time = std::chrono::seconds(1);
constexpr int most_retries = 100;
constexpr int most_asks = 1000, most_noise = 100;

}  // namespace

// Takes the workers' requests. `anyway`: even if the counter `asked` shows none.
void PoolCore::take_asks(bool anyway) {
  const auto asked = results_->asked.load();
  if (asked == asks_seen_ && !anyway) return;
  asks_seen_ = asked;
  // A limited number at a time, because other threads need the books too. Nobody waits for an answer to a
  // corrupt message; a queue that yields nothing else is left alone until the next request.
  int noise = 0;
  for (int n = 0; noise < most_noise; ++n) {
    if (n == most_asks) {
      look_closer_ = true;
      results_->helper.wake_all();
      break;
    }
    try {
      auto ask = asks_->try_get();
      if (!ask) break;
      try {
        take_ask(*ask);
      } catch (const std::bad_alloc&) {
        refuse(places_[ask->place], ask->question, std::current_exception());
      }
    } catch (const DecodeError&) {
      ++noise;
    } catch (const Error& e) {
      platform::say(std::string("brood: what a worker asked of its pool is lost: ") + e.what() + "\n");
    } catch (const std::bad_alloc&) {
      // The message is lost, and with it which worker sent it; since that worker must not wait for ever, the
      // pool ends.
      give_up(std::make_exception_ptr(PoolBroken("the pool cannot run: no memory for what a worker asked")));
      for (auto& place : places_) {
        if (place.lane != nullptr) end_worker(place);
      }
    }
  }
  start_substitutes();
}

void PoolCore::send_answer(Place& place, std::uint64_t question, bool failed, std::vector<std::byte> bytes,
                           detail::HeldNames names) {
  Answer answer;
  answer.question = question;
  answer.failed = failed;
  answer.value = Carried(std::move(bytes), std::move(names));
  // Must not wait: the worker controls how much room its queue has.
  if (!place.answers || !place.answers->try_put(answer)) {
    throw NoMemory("the queue of answers is full or closed");
  }
}

// Tells the worker that its request cannot be met. If there is no memory for that either, the worker's task
// fails, since it must not wait for ever.
void PoolCore::refuse(Place& place, std::uint64_t question, const std::exception_ptr& error) {
  try {
    send_answer(place, question, true, exec::encoded(error), {});
  } catch (const std::exception&) {
    platform::say("brood: a worker is ended, there is no memory to answer what it asked for\n");
    end_worker(place);
  }
}

void PoolCore::take_ask(Ask& ask) {
  if (ask.place >= places_.size()) return;
  auto& place = places_[ask.place];
  // The worker has died meanwhile, or the message is garbage.
  if (place.lane == nullptr || place.incarnation != ask.incarnation || place.secret != ask.secret) return;
  if (ask.answers) place.answers = std::move(ask.answers);
  if (ask.what == Asks::waiting) return begin_stand_in(place);
  if (ask.what == Asks::resumed) return end_stand_in(place);
  if (ask.what == Asks::cancel || ask.what == Asks::kill) {
    if (Task* task = find_asked(ask); task != nullptr) stop_task(*task, ask.what == Asks::kill);
    return;
  }

  Waiting waiting;
  const auto& bytes = ask.call.bytes;
  waiting.size = bytes.size();
  if (ask.by_pointer && bytes.size() >= sizeof waiting.task.function) {
    std::memcpy(&waiting.task.function, bytes.data(), sizeof waiting.task.function);
  }
  ask.function = shortened(ask.function, longest_name);
  waiting.task.asked = std::make_unique<const Asked>(Asked{ask.place, ask.incarnation, ask.question,
                                                           ask.thunk, std::move(ask.function), ask.by_pointer,
                                                           depth_of_running(place) + 1});
  waiting.task.names = std::make_unique<detail::HeldNames>(ask.call.take_names());
  if (ask.options) {
    ask.options->retries = std::min(ask.options->retries.value_or(2), most_retries);
    waiting.task.limits = limits_of(*ask.options, bytes, waiting.task.names->names());
  }
  waiting.task.record = &detail::take_record(*this);
  if (setup_.max_pending != 0) ++submitted_;
  if (waiting.task.limits) waiting.task.limits->record = waiting.task.record;
  if (state_ != State::open && state_ != State::closed) {
    resolve(waiting.task, broken_ ? exec::EachItsOwn(broken_)()
                                  : std::make_exception_ptr(
                                        PoolTerminated("the pool was terminated before this task began")));
    return drop_call(waiting.task);
  }
  try {
    if (waiting.size > sizeof Slot::data) {
      waiting.task.arguments = arena::allocate(waiting.size);
      std::memcpy(arena::all_of(waiting.task.arguments.offset, waiting.size), bytes.data(), waiting.size);
    } else {
      waiting.bytes.assign(bytes.data(), waiting.size);
    }
  } catch (const std::exception&) {  // no memory
    resolve(waiting.task, std::current_exception());
    return drop_call(waiting.task);
  }
  // The newest goes first among the tasks of its depth.
  line_up(std::move(waiting), true);
}

// The depth of the task that the worker is running, that is the first one that has not ended.
std::uint32_t PoolCore::depth_of_running(const Place& place) {
  for (auto at = place.tail; at != place.head; ++at) {
    const Task& task = place.task_at(at);
    if (task.exists() && place.slot_at(at).state.load() != raw(SlotState::done)) return task.depth();
  }
  return 0;
}

// The task that this worker submitted with that question, unless it has been answered.
Task* PoolCore::find_asked(const Ask& ask) {
  const auto is_it = [&](const Task& task) {
    return task.record != nullptr && task.asked && task.asked->place == ask.place &&
           task.asked->incarnation == ask.incarnation && task.asked->question == ask.question;
  };
  for (auto& [depth, line] : asked_) {
    for (auto& waiting : line) {
      if (is_it(waiting.task)) return &waiting.task;
    }
  }
  for (std::size_t i = 0; i < used_places_; ++i) {
    auto& place = places_[i];
    for (auto at = place.tail; place.lane != nullptr && at != place.head; ++at) {
      if (is_it(place.task_at(at))) return &place.task_at(at);
    }
  }
  return nullptr;
}

// Sends the outcome to the worker that asked, if it is still alive.
void PoolCore::answer(Task& task) {
  auto& place = places_[task.asked->place];
  if (place.lane == nullptr || place.incarnation != task.asked->incarnation || !place.answers) return;
  Record& record = *task.record;
  const auto question = task.asked->question;
  if (record.error) return refuse(place, question, record.error);
  try {
    detail::Names names;
    const auto* bytes = record.data();
    const auto size = record.bytes();
    if (record.names != 0) record.take_names(names);
    detail::HeldNames held(std::move(names));
    send_answer(place, question, false, {bytes, bytes + size}, std::move(held));
  } catch (const std::exception&) {
    refuse(place, question, std::current_exception());
  }
}

// ---- substitutes

int PoolCore::workers_at_work() const {
  int n = 0;
  for (std::size_t i = 0; i < used_places_; ++i) {
    const auto& place = places_[i];
    // A regular worker that ends is replaced without our help, so it counts.
    const bool regular = i < static_cast<std::size_t>(setup_.workers);
    n += !place.waits && (regular || (place.lane != nullptr && !place.quitting && !place.parked));
  }
  return n;
}

void PoolCore::begin_stand_in(Place& place) {
  place.waits = true;
  // The tasks behind the waiting one in its lane must not wait with it.
  take_back_all(place);
}

void PoolCore::end_stand_in(Place& place) {
  place.waits = false;
  retire_substitutes();
}

// Starts substitutes until as many processes are at work as the pool has workers, reusing parked ones first.
// If that is impossible, tasks that would wait for ever fail.
void PoolCore::start_substitutes() {
  if (!wants_workers()) return;
  int at_work = workers_at_work();
  for (auto i = static_cast<std::size_t>(setup_.workers); i < used_places_ && at_work < setup_.workers; ++i) {
    auto& place = places_[i];
    if (place.parked && place.lane != nullptr && !place.quitting && !place.waits) {
      place.parked = false;
      ++at_work;
    }
  }
  for (auto i = static_cast<std::size_t>(setup_.workers); i < places_.size() && at_work < setup_.workers;
       ++i) {
    if (places_[i].lane != nullptr) continue;
    used_places_ = std::max(used_places_, i + 1);
    if (!start_or_note(places_[i])) break;
    ++at_work;
    poller_.wake();
  }
  if (at_work > 0 || asked_.empty()) return;
  const auto error = std::make_exception_ptr(
      UsageError("every worker of the pool waits for tasks that its own task submitted, and no more than " +
                 std::to_string(most_substitutes(setup_.workers)) +
                 " can stand in for them; nest less deep, submit fewer at once, or use a pool of its own "
                 "inside the task"));
  for (auto& [depth, line] : asked_) fail_waiting(line, error);
}

// Parks surplus substitutes: they get no tasks for a while, and are reused when the next task waits, since a
// program whose tasks wait once often does so again. After that while they end.
void PoolCore::retire_substitutes() {
  int too_many = workers_at_work() - setup_.workers;
  for (auto i = used_places_; i-- > static_cast<std::size_t>(setup_.workers) && too_many > 0;) {
    auto& place = places_[i];
    if (place.lane == nullptr || place.quitting || place.waits || place.parked) continue;
    take_back_all(place);
    place.parked = true;
    place.parked_until = Clock::now() + parking_time;
    hurry_helper(place.parked_until);
    --too_many;
  }
}
void PoolCore::end_parked() {
  const auto now = Clock::now();
  for (auto i = static_cast<std::size_t>(setup_.workers); i < used_places_; ++i) {
    auto& place = places_[i];
    if (!place.parked || place.lane == nullptr || place.quitting || place.parked_until > now) continue;
    if (place.in_lane() == 0)
      quit(place);
    else
      place.parked_until = now + parking_time;
  }
}

}  // namespace brood::pool
