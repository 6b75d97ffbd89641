// The pool as one of its own tasks sees it. A submission goes to the program, which runs it like any other
// task; the answer comes back through a queue that belongs to this worker.

#include <algorithm>
#include <brood/codec.hpp>
#include <brood/detail/names.hpp>
#include <brood/detail/watch.hpp>
#include <brood/errors.hpp>
#include <brood/pool.hpp>
#include <brood/this_worker.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "arena/arena.hpp"
#include "base/function_ref.hpp"
#include "base/immortal.hpp"
#include "base/scope.hpp"
#include "exec/failure.hpp"
#include "platform/child.hpp"
#include "platform/surroundings.hpp"
#include "platform/waits.hpp"
#include "pool/asking.hpp"
#include "pool/core.hpp"
#include "pool/lanes.hpp"

namespace brood::pool {

namespace {

using detail::Deadline;
using detail::Record;
using namespace std::chrono_literals;

// An answer that comes this quickly needs no substitute.
constexpr auto patience = 200us;

class AskingCore final : public Core {
 public:
  AskingCore()
      : lane_(own_lane()),
        results_(*arena::object_at<Results>(lane_.results)),
        asks_(Codec<Queue<Ask>>::known(lane_.asks)) {}

  Record& submit(const detail::TaskType& type, detail::EncodeCall call, const CallOptions* options) override {
    Ask ask = from_me(Asks::task);
    if (options != nullptr) ask.options = *options;
    ask.thunk = detail::code_ref_of(type.run).word;
    ask.function = std::string(type.function);
    ask.by_pointer = type.by_pointer;
    Writer measure(nullptr, 0);
    call.encode(measure, call.call);
    std::vector<std::byte> bytes(measure.written());
    Writer to(bytes.data(), bytes.size());
    call.encode(to, call.call);
    ask.call = Carried(std::move(bytes), detail::HeldNames::of(to.handles()));
    Record& record = detail::take_record(*this);
    {
      const std::lock_guard lock(mutex_);
      ask.question = ++last_question_;
      pending_.emplace(ask.question, &record);
      // Every request names the queue until one that does so has certainly been sent: requests of other
      // threads may arrive first.
      if (!introduced_) ask.answers = answers_;
    }
    try {
      send(ask);
      const std::lock_guard lock(mutex_);
      introduced_ = true;
    } catch (...) {
      const std::lock_guard lock(mutex_);
      pending_.erase(ask.question);
      detail::finish_record(record);
      detail::drop_record(record);
      throw;
    }
    return record;
  }

  bool wait(Record& record, Deadline until) override {
    return wait_until([&] { return record.is_done(); }, until, true);
  }
  bool wait_any(const std::vector<const Record*>& records, Deadline until) override {
    return wait_until([&] { return std::ranges::any_of(records, &Record::is_done); }, until, true);
  }
  bool wait_any(const detail::Watch& watch, Deadline until) override {
    return wait_until([&] { return watch.has_some(); }, until, true);
  }
  // Starts a thread of this worker's for callbacks, at the first callback.
  void attend() override {
    const std::lock_guard lock(mutex_);
    if (std::exchange(attended_, true)) return;
    const platform::SignalMask mask;
    const platform::SignalsBlocked quiet;
    std::thread([this, mask] {
      for (;;) {
        wait_until([&] { return run_callbacks_as_if_in(mask); }, Deadline::never(), false);
      }
    }).detach();
  }

  bool running(Record&) override { return false; }  // not known here
  // The program cancels the task; the answer comes like any other.
  bool cancel(Record& record, bool kill) override {
    Ask ask = from_me(kill ? Asks::kill : Asks::cancel);
    {
      const std::lock_guard lock(mutex_);
      const auto asked = std::find_if(pending_.begin(), pending_.end(),
                                      [&](const auto& entry) { return entry.second == &record; });
      if (asked == pending_.end()) return false;
      ask.question = asked->first;
    }
    send(ask);
    return false;
  }

  Record& look_after(std::shared_ptr<detail::UnderWay>) override { refuse("leave a map to"); }
  void close() override { refuse("close"); }
  void terminate() override { refuse("terminate"); }
  bool join(Deadline) override { refuse("join"); }
  int size() const override { return static_cast<int>(lane_.workers); }
  detail::PoolHandle::Counts counts() override { refuse("count"); }

 private:
  [[noreturn]] static void refuse(const char* verb) {
    throw UsageError(std::string("a task cannot ") + verb +
                     " the pool that runs it; the process that made the pool can");
  }

  Ask from_me(Asks what) const {
    Ask ask;
    ask.what = what;
    ask.place = lane_.index;
    ask.incarnation = lane_.incarnation;
    ask.secret = lane_.secret;
    return ask;
  }

  void send(const Ask& ask) {
    asks_.put(ask);
    results_.asked.fetch_add(1);
    platform::unpark_all(results_.asked);
    results_.helper.wake_all();
  }

  void take(Answer answer) {
    Record* record = nullptr;
    {
      const std::lock_guard lock(mutex_);
      const auto it = pending_.find(answer.question);
      if (it == pending_.end()) return;
      record = it->second;
      pending_.erase(it);
    }
    if (answer.failed) {
      Reader from(answer.value.bytes.data(), answer.value.bytes.size());
      record->error = exec::decode_exception(from);
    } else {
      auto held = answer.value.take_names();
      const auto& names = held.names();
      record->large = std::move(answer.value.bytes);
      const auto* raw = reinterpret_cast<const std::byte*>(names.data());
      record->large.insert(record->large.end(), raw, raw + detail::size_of_names(names.size()));
      record->names = static_cast<std::uint32_t>(held.take().size());
    }
    detail::finish_record(*record);
  }

  // One thread at a time receives answers, for all threads; the others sleep until it has received some or
  // gives up that role. `stand_in`: the task itself waits here, so a substitute should stand in for this
  // worker.
  bool wait_until(FunctionRef<bool()> done, Deadline until, bool stand_in) {
    const auto what = [&](platform::WaitText& text) {
      if (stand_in) text << "Future::get of a task that this task has submitted";
    };
    platform::WaitNote waiting(what);
    std::unique_lock lock(mutex_);
    bool told = false;
    const OnExit resumed([&] {
      if (!told || --waiting_ != 0) return;
      try {
        send(from_me(Asks::resumed));
      } catch (const std::exception&) {  // no memory: the end of the task has the same effect
      }
    });
    const auto soon = Deadline::in(patience);
    // Take the answers that are there already, even if this call need not wait.
    if (!taking_) take_some(lock, Deadline::now(), waiting);
    while (!look(done, lock)) {
      if (until.passed()) return false;
      if (stand_in && !told && soon.passed()) {
        told = true;
        if (waiting_++ == 0) send(from_me(Asks::waiting));
      }
      const auto limit = stand_in && !told ? until.at_most(patience) : until;
      if (taking_)
        sleep(lock, limit.at_most(waiting.patience()));
      else
        take_some(lock, limit, waiting);
    }
    return true;
  }

  static bool look(FunctionRef<bool()> done, std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    const bool is = done();
    lock.lock();
    return is;
  }

  void sleep(std::unique_lock<std::mutex>& lock, Deadline until) {
    if (until.is_never())
      changed_.wait(lock);
    else
      changed_.wait_for(lock, until.left());
  }

  void take_some(std::unique_lock<std::mutex>& lock, Deadline until, platform::WaitNote& waiting) {
    taking_ = true;
    waiting.begin();
    lock.unlock();
    try {
      auto answer = until.is_never() ? answers_.get() : answers_.try_get_for(until.left());
      for (; answer; answer = answers_.try_get()) take(std::move(*answer));
    } catch (...) {  // no memory for an answer, and nobody knows which one
      fail_pending(std::current_exception());
    }
    lock.lock();
    taking_ = false;
    changed_.notify_all();
  }

  void fail_pending(const std::exception_ptr& error) {
    std::unordered_map<std::uint64_t, Record*> all;
    {
      const std::lock_guard lock(mutex_);
      all.swap(pending_);
    }
    for (const auto& [question, record] : all) {
      record->error = error;
      detail::finish_record(*record);
    }
  }

  Lane& lane_;
  Results& results_;
  Queue<Ask> asks_;
  Queue<Answer> answers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t last_question_ = 0;
  std::unordered_map<std::uint64_t, Record*> pending_;
  bool introduced_ = false;
  bool taking_ = false;
  bool attended_ = false;
  int waiting_ = 0;  // threads of the task that wait
};

}  // namespace

namespace {

// One for each process. Never destroyed, because threads of the process may use it until the end.
struct Asking {
  std::mutex mutex;
  std::shared_ptr<Core>* core = nullptr;
  Pool* pool = nullptr;
};
Asking& asking() {
  static Immortal<Asking> it;
  return *it;
}

}  // namespace

std::shared_ptr<Core> asking_core() {
  if (!this_worker::exists()) static_cast<void>(this_worker::index());  // throws and says why not
  const std::lock_guard lock(asking().mutex);
  if (asking().core == nullptr) asking().core = new std::shared_ptr<Core>(std::make_shared<AskingCore>());
  return *asking().core;
}

void forget_asking() { new (&asking()) Asking; }

}  // namespace brood::pool

brood::Pool& brood::this_worker::pool() {
  if (auto here = brood::pool::inline_core()) {
    thread_local std::optional<Pool> ours;
    ours.emplace(Pool(detail::PoolHandle(std::move(here))));
    return *ours;
  }
  auto core = brood::pool::asking_core();
  auto& asking = brood::pool::asking();
  const std::lock_guard lock(asking.mutex);
  if (asking.pool == nullptr) asking.pool = new Pool(detail::PoolHandle(std::move(core)));
  return *asking.pool;
}
