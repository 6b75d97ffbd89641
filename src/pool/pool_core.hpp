#pragma once
// The program's side of a pool: its private state, called the books. books.cpp controls access to them,
// submit.cpp hands out tasks, lines.cpp handles tasks that are in no lane, results.cpp takes in results,
// limits.cpp enforces deadlines and limits, waiting.cpp implements waiting, ending.cpp the end of the pool,
// asked.cpp tasks that workers submit, under_way.cpp asynchronous maps; supervisor.cpp handles starts and
// deaths of workers and their stderr.

#include <algorithm>
#include <array>
#include <atomic>
#include <brood/detail/pool_core.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "arena/arena.hpp"
#include "base/function_ref.hpp"
#include "exec/origin.hpp"
#include "platform/poller.hpp"
#include "platform/waits.hpp"
#include "pool/asking.hpp"
#include "pool/core.hpp"
#include "pool/index_set.hpp"
#include "pool/lane_layout.hpp"
#include "pool/line.hpp"
#include "process/child.hpp"
#include "sync/role.hpp"

namespace brood::pool {

using detail::Deadline;
using detail::Record;
using detail::TaskType;

constexpr std::uint32_t raw(SlotState state) { return static_cast<std::uint32_t>(state); }

/// What is known of a task that a worker submitted; it may be garbage, and is only passed on.
struct Asked {
  std::uint32_t place = 0, incarnation = 0;
  std::uint64_t question = 0;
  std::uint64_t thunk = 0;
  std::string function;
  bool by_pointer = false;
  std::uint32_t depth = 1;  // 0 for the program's own tasks; one more than the submitting task
};

using Clock = std::chrono::steady_clock;

/// `wait` after `when`, for any duration that a user gives: time_point::max() if the clock cannot represent
/// the sum, and `when` for a negative wait.
Clock::time_point later(Clock::time_point when, std::chrono::nanoseconds wait);

/// The limits of a task that was submitted with options.
struct Limits {
  CallOptions options;
  Record* record = nullptr;
  Clock::time_point deadline = Clock::time_point::max();
  Clock::time_point over_at = Clock::time_point::max();  // for a task in a lane: when its time limit expires
  std::exception_ptr doom;  // the task was asked to stop and fails with this, however it ends
  std::string missed;       // the limit it missed, for the message
  Clock::time_point kill_at = Clock::time_point::max();
  int runs = 0;                 // runs cut short by the end of a worker
  std::vector<std::byte> call;  // for another run
  detail::HeldNames names;      // that the call names, for another run
  std::optional<std::multimap<Clock::time_point, Limits*>::iterator> timer;

  Limits() = default;
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;
  bool may_run_again() const { return options.idempotent && runs <= options.retries.value_or(2); }
};

/// The program's own record of a task, independent of what a worker writes into its lane.
struct Task {
  Record* record = nullptr;                  // null once resolved
  const TaskType* type = nullptr;            // for a task submitted by the program
  std::unique_ptr<const Asked> asked;        // for a task submitted by a worker
  std::uint64_t function = 0;                // CodeRef of the function, if the call begins with one
  arena::Run arguments;                      // holds the arguments if they do not fit into a slot
  std::uint64_t size = 0;                    // size of the call's bytes
  std::unique_ptr<detail::HeldNames> names;  // shared objects that the call names, held while it is needed
  std::unique_ptr<Limits> limits;            // null without options

  bool exists() const { return type != nullptr || asked != nullptr; }
  std::uint32_t depth() const { return asked ? asked->depth : 0; }
};

/// Makes the Limits for an encoded call and the objects that it names.
std::unique_ptr<Limits> limits_of(const CallOptions& options, std::span<const std::byte> call,
                                  const detail::Names& names);

/// A task that is in no lane.
struct Waiting {
  Task task;
  CallBytes bytes;  // none when the arguments are in a run
  std::uint64_t size = 0;
};
static_assert(Pieces::piece_size % sizeof(Waiting) == 0);
using Line = std::deque<Waiting, OfPieces<Waiting>>;

/// A worker's place in the pool, and the process that fills it now.
struct Place {
  std::shared_ptr<process::Child> child;
  Lane* lane = nullptr;
  std::uint32_t lane_index = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t slots = Lane::most_slots;
  std::unique_ptr<Task[]> tasks;
  // Copies of the calls as put into the slots: a call that was not begun goes to another worker unchanged.
  using Call = std::array<std::byte, sizeof Slot::data>;
  std::unique_ptr<Call[]> calls;
  std::uint64_t secret = 0;    // identifies the worker in its requests
  std::uint32_t head = 0;      // next slot to fill
  std::uint32_t tail = 0;      // next slot to take from
  std::uint32_t depth = 2;     // number of tasks it may have in its lane at once
  std::uint32_t given = 0;     // tasks given so far, for max_tasks_per_child
  std::uint32_t in_a_row = 0;  // tasks given since its progress was last checked
  bool quitting = false;       // was told to quit
  bool watched = false;        // its pidfd and its stderr are in the poller
  bool waits = false;          // its task waits for a task that it submitted
  bool parked = false;         // a substitute that is not needed now
  bool was_up = false;         // its initializer has run
  bool ran_out = false;        // killed because of its memory limit
  bool condemned = false;      // it has corrupted its lane, and is being killed
  std::uint32_t member = 0;    // its number in the arena, once it was asked for
  int failed_births = 0;       // in a row
  Clock::time_point last_taken;
  Clock::time_point helped_at;  // when another worker last got part of its tasks
  double seconds_each = 0;
  std::uint32_t worker_nanoseconds = 0;  // recent time per task by the worker's own clock; 0: not known
  platform::Descriptor errors;           // the pipe of its stderr
  std::string last_lines;
  Clock::time_point born_at, restart_at, parked_until;
  std::optional<Queue<Answer>> answers;  // queue for answers to its requests

  std::uint32_t in_lane() const { return head - tail; }
  /// The tasks in the lane, not counting revoked ones that the worker has not passed yet.
  std::uint32_t tasks_in_lane() const {
    std::uint32_t n = 0;
    for (auto at = tail; at != head; ++at) n += task_at(at).exists();
    return n;
  }
  std::uint32_t index_of(std::uint32_t at) const { return at & (slots - 1); }
  Task& task_at(std::uint32_t at) { return tasks[index_of(at)]; }
  const Task& task_at(std::uint32_t at) const { return tasks[index_of(at)]; }
  std::byte* call_at(std::uint32_t at) const { return calls[index_of(at)].data(); }
  Slot& slot_at(std::uint32_t at) const { return lane->slots[index_of(at)]; }
};

/// The exception that a pool's futures throw after its initializer has thrown `cause`.
std::exception_ptr broken_by_initializer(const std::exception_ptr& cause);

/// Pauses for a moment in which others may free memory; for callers that cannot throw.
void wait_for_memory();

class Claimed;

class PoolCore final : public Core, public std::enable_shared_from_this<PoolCore> {
 public:
  explicit PoolCore(detail::PoolSetup setup);
  ~PoolCore() override;

  Record& submit(const TaskType& type, detail::EncodeCall call, const CallOptions* options) override;
  bool running(Record& record) override;
  bool cancel(Record& record, bool kill) override;
  std::string call_of(const Record& record) override;
  bool wait(Record& record, Deadline until) override;
  void attend() override;
  bool wait_any(const std::vector<const Record*>& records, Deadline until) override;
  bool wait_any(const detail::Watch& watch, Deadline until) override;

  bool can_look_after() const override { return !here_; }
  Record& look_after(std::shared_ptr<detail::UnderWay> work) override;
  void close() override;
  void terminate() override;
  bool join(Deadline until) override;
  bool wait_for_tasks(Deadline until) override;
  std::string what_still_runs() override;
  bool each_by_itself() const override { return here_ || setup_.max_tasks_per_child != 0; }
  int size() const override { return setup_.workers; }
  detail::PoolHandle::Counts counts() override;

  /// Ends a pool whose handle was never handed out.
  void abandon();

 private:
  enum class State { open, closed, terminated, broken, joined };

  /// Holds the books, which one thread at a time may access. Before releasing them on destruction, takes in
  /// the tasks that other threads have left meanwhile.
  class Books {
   public:
    explicit Books(PoolCore& pool, Deadline until = Deadline::never());  // waits for the books
    Books(PoolCore& pool, std::try_to_lock_t, int times = 1);
    ~Books();
    Books(const Books&) = delete;
    Books& operator=(const Books&) = delete;
    explicit operator bool() const { return held_; }

   private:
    PoolCore& pool_;
    bool held_ = true;
  };
  /// A task submitted while another thread held the books.
  struct Left {
    Waiting waiting;
    Left* next = nullptr;
  };

  // books.cpp
  void require_not_in_codec() const;
  Record& leave_task(const TaskType& type, detail::EncodeCall call, const CallOptions* options);
  void put_left_in_order();
  bool is_something_left() const { return next_left_ != nullptr || left_.load() != nullptr; }
  void take_left(std::size_t most = ~std::size_t{0});

  // submit.cpp; these functions, and all that follow, require the books to be held
  void require_open() const;
  Record& encode_task(Waiting& made, const TaskType& type, detail::EncodeCall call,
                      const CallOptions* options, std::byte* room);
  Record& submit_now(const TaskType& type, detail::EncodeCall call, const CallOptions* options);
  void note_activity() {  // requires the books
    activity_.store(activity_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  bool turn_is_due();
  void note_calm();
  Record& submit_in_time(const TaskType& type, detail::EncodeCall call, const CallOptions* options);
  Record& run_here(const TaskType& type, detail::EncodeCall call);
  void initialize_here();
  Place* place_for_task(bool alone);
  Place* place_for_asked(const Task& task, bool alone);
  struct Choice {
    Place* place;
    bool final;  // no other place may take it, even when `place` is null
  };
  Choice among_the_awake();
  bool is_underway(const Place& place, Clock::time_point now) const;
  bool keeps_up(Place& place);
  void look_again_after(const Place& place);
  bool may_take(const Place& place, bool alone = false) const;
  void fill(Place& place, Task task, const std::byte* bytes, std::uint64_t size);
  void quit(Place& place);

  // lines.cpp
  Line& line_of(const Task& task);
  std::size_t in_line() const;
  void fail_lines(const std::exception_ptr& error);
  Task* line_up(Waiting&& waiting, bool first);
  void hand_out();
  bool hand_out(Line& waiting, Place* bound = nullptr);
  void hand_out_asked();
  bool hand_out_ranked(bool above);
  bool waits_behind_another() const;
  void rebalance();
  Place* busiest(Clock::time_point now);
  bool take_back_last(Place& from, Waiting& taken, bool also_bound);
  void take_back_all(Place& from);

  // results.cpp
  bool take_results();
  bool take_results(Place& place);
  void take_result(Place& place, Slot& slot, Task& task);
  detail::HeldNames pick_up(Place& place, const Claimed& result, std::exception_ptr& error);
  void adapt(Place& place, std::uint32_t taken);
  static std::uint32_t member_of(Place& place);
  static bool may_be(const Task& task, std::uint32_t state);
  static bool was_passed_by(const Place& place);
  static void end_worker(Place& place);
  static void condemn(Place& place);
  void resolve(Task& task, const std::exception_ptr& error = nullptr);
  void drop_call(Task& task);
  void fail_waiting(Line& waiting, const std::exception_ptr& error);
  bool all_done() const;

  // limits.cpp
  void schedule(Limits& limits);
  void unschedule(Limits& limits);
  static bool is_late(const Task& task);
  void expire_due();
  void expire(Limits& limits);
  void begin_time_limit(Task& task);
  Deadline next_timer();
  void hurry_helper(Clock::time_point when);
  struct Seat {
    Place* place = nullptr;
    std::uint32_t at = 0;
  };
  Seat seat_of(const Task& task);
  std::string call_of(const Task& task);
  bool withdraw(Task& task, const std::exception_ptr& error);
  bool stop_task(Task& task, bool kill);
  void ask_to_stop(const Seat& seat);
  bool kill_running(const Seat& seat);
  bool run_again(Task& task);
  void recycle_aged();

  // waiting.cpp
  void turn();
  void turn_if_possible();
  bool work_is_left() const;
  struct Pause {
    bool spin = false;
    int relaxes = 0;  // at least this many before the next look
    Clock::duration nap{};
    Clock::time_point look_again;
  };
  Pause pause() const;
  void want(Wanted wanted);
  void wake_waiters();
  bool wait_until(FunctionRef<bool()> done, Deadline until, platform::WaitNote::Describe what);
  void describe_wait_for(const Record& record, platform::WaitText& text);
  void end_waiting();
  void note_doze(Clock::time_point since);
  void look_closer();
  void help();
  void leave_alone_who_works();
  bool help_once();
  void call_back();
  std::thread own_thread(std::function<void()> work);

  // under_way.cpp
  struct Work {
    std::shared_ptr<detail::UnderWay> work;
    Record* record;
  };
  void carry_on();
  void end_work(Work& work);
  bool is_carrier() const { return carrier_of_ == this; }

  // ending.cpp
  void stop_threads();

  // asked.cpp
  void take_asks(bool anyway);
  void take_ask(Ask& ask);
  void refuse(Place& place, std::uint64_t question, const std::exception_ptr& error);
  static void send_answer(Place& place, std::uint64_t question, bool failed, std::vector<std::byte> bytes,
                          detail::HeldNames names);
  static std::uint32_t depth_of_running(const Place& place);
  Task* find_asked(const Ask& ask);
  void answer(Task& task);
  void begin_stand_in(Place& place);
  void end_stand_in(Place& place);
  void start_substitutes();
  void retire_substitutes();
  void end_parked();
  int workers_at_work() const;

  // supervisor.cpp
  void start_worker(Place& place);
  bool start_or_note(Place& place);
  void supervise();
  bool supervise_once();
  void await_worker(Place& place, std::size_t index, process::Child& child);
  void read_errors(Place& place);
  void withdraw_asked_by(const Place& place);
  void bury(Place& place);
  std::exception_ptr what_the_initializer_threw(Place& place);
  void settle_group(Place& place, const platform::Ended& how);
  void remove_groups();
  void settle_running(Place& place, const platform::Ended& how);
  static std::string arguments_text(const Place& place, std::uint32_t at);
  static detail::Stack stack_of_dead(const Place& place);
  std::exception_ptr died(const Place& place, std::uint32_t at, const platform::Ended& how);
  void settle_birth(Place& place, const platform::Ended& how, std::string failure,
                    const std::exception_ptr& cause, bool begun);
  void restart_due();
  void note_failed_birth(const std::string& why);
  void give_up(const std::exception_ptr& cause);
  bool wants_workers() const;
  int milliseconds_to_next_restart() const;
  static std::string task_name(const Task& task);
  static detail::TaskTold told_of(const Task& task);
  static detail::TaskTold told_of(const Place& place, std::uint32_t at);

  detail::PoolSetup setup_;
  const platform::SignalMask makers_mask_;  // signal mask of the thread that made the pool
  platform::Descriptor folder_kept_;
  const platform::Folder folder_;  // the working directory when the pool was made
  const bool here_;                // BROOD_INLINE: no workers
  const std::size_t processors_;
  sync::Role books_;
  std::atomic<Left*> left_{nullptr};  // the newest first
  Left* next_left_ = nullptr;         // left tasks already put in order, the oldest first
  Left* last_left_ = nullptr;
  std::atomic<State> state_{State::open};
  std::exception_ptr broken_;
  // The workers' places, then those of substitutes for workers whose tasks wait.
  std::vector<Place> places_;
  std::size_t used_places_ = 0;  // places beyond these are empty
  IndexSet busy_;                // includes every place with tasks in its lane, perhaps others too
  Pieces pieces_;                // memory of the following lines
  Line waiting_{OfPieces<Waiting>(pieces_)};
  std::map<std::uint32_t, Line, std::greater<>>
      asked_;                                   // tasks that workers submitted, by depth, the deepest first
  std::map<int, Line, std::greater<>> ranked_;  // tasks with a priority other than 0
  std::map<std::size_t, Line> bound_;           // tasks bound to the worker in that place by their key
  std::uint64_t submitted_ = 0;                 // counted only for max_pending
  std::size_t withdrawn_ = 0;                   // number of line entries that are no longer tasks
  std::multimap<Clock::time_point, Limits*> timers_;
  Clock::time_point helped_at_;  // when the helper last looked; used only by the helper
  Clock::time_point helper_wakes_at_ = Clock::time_point::max();
  Clock::time_point look_again_ =
      Clock::time_point::max();  // when to check whether a worker left asleep is needed after all
  std::uint32_t next_place_ = 0;
  std::uint32_t calm_for_ = 0;                 // number of tasks to accept before looking at the lanes again
  std::atomic<std::uint32_t> activity_{0};     // counts activity of submitting and waiting threads
  std::vector<platform::MemoryGroup> groups_;  // of dead workers, to be removed
  std::uint64_t done_ = 0, failed_ = 0, restarts_ = 0, reruns_ = 0;
  std::vector<Clock::time_point> failed_births_;  // recent ones, while no worker is alive
  std::string first_failure_;
  arena::Run results_run_;
  Results* results_ = nullptr;
  std::optional<Queue<Ask>> asks_;
  std::atomic<std::uint32_t> asks_seen_{0};
  std::atomic<bool> look_closer_{false};  // at the next turn: for results that corruption hid
  std::atomic<int> waiters_{0};
  std::atomic<int> inside_{0};        // threads in wait_until
  std::atomic<bool> watched_{false};  // a callback has been added

  platform::Poller poller_;
  std::mutex ending_;  // held by the thread that joins the others
  std::thread supervisor_, helper_, caller_, carrier_;
  sync::EventCount callbacks_;    // the caller sleeps here
  std::atomic<int> works_{0};     // asynchronous maps in flight; changed only with the books held
  std::list<Work> new_works_;     // not yet seen by the carrier
  sync::EventCount works_go_on_;  // the carrier sleeps here
  static inline thread_local const PoolCore* carrier_of_ = nullptr;  // the pool whose carrier this thread is
  bool stop_ = false;
};

/// The most substitutes that may run at once for workers whose tasks wait for tasks of their own pool.
constexpr std::size_t most_substitutes(int workers) {
  return std::max<std::size_t>(64, 4 * static_cast<std::size_t>(workers));
}

/// Ends every pool of this process that has not been joined; for the end of the process.
void end_all_pools();
/// Forgets all pools; call in a new process, which has one thread: the pools are its parent's.
void forget_pools();

}  // namespace brood::pool
