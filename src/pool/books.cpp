// Access to the books: one thread at a time holds them. A thread that submits while another holds them leaves
// its task, which is taken in when the books are released: submitting never sleeps for another thread.

#include <brood/errors.hpp>
#include <brood/task_errors.hpp>

#include "exec/failure.hpp"
#include "pool/pool_core.hpp"

namespace brood::pool {

void PoolCore::require_not_in_codec() const {
  if (!books_.is_mine()) return;
  throw UsageError(
      "code that encodes an argument or decodes a result may submit to the pool that the call is for, and "
      "nothing else: the call would wait for itself");
}

PoolCore::Books::Books(PoolCore& pool, Deadline until) : pool_(pool) {
  pool.require_not_in_codec();
  held_ = pool.books_.enter(until);
}

PoolCore::Books::Books(PoolCore& pool, std::try_to_lock_t, int times)
    : pool_(pool), held_(pool.books_.try_enter(pool.books_.is_mine() ? 1 : times)) {}

// Takes in only some of the tasks that others have left, since they could leave tasks as fast as they are
// taken in. The next thread to submit takes in the rest, and the helper whatever remains at the end.
PoolCore::Books::~Books() {
  if (!held_) return;
  constexpr int most_rounds = 2;
  constexpr std::size_t tasks_in_round = 256;
  for (int round = 1;; ++round) {
    if (pool_.is_something_left()) {
      pool_.take_left(tasks_in_round);
      try {
        pool_.hand_out();
      } catch (const std::bad_alloc&) {  // the tasks stay queued, and the next turn tries again
      }
    }
    const bool rest = pool_.next_left_ != nullptr;
    pool_.books_.leave();
    if (!rest && pool_.left_.load() == nullptr) return;
    if (round == most_rounds) {
      pool_.results_->helper.wake_all();
      return;
    }
    if (!pool_.books_.try_enter()) return;
  }
}

Record& PoolCore::leave_task(const TaskType& type, detail::EncodeCall call, const CallOptions* options) {
  require_open();
  auto left = std::make_unique<Left>();
  std::byte room[sizeof Slot::data];
  Record& record = encode_task(left->waiting, type, call, options, room);
  if (!left->waiting.task.arguments) left->waiting.bytes.assign(room, left->waiting.size);
  Left* mine = left.release();
  mine->next = left_.load(std::memory_order_relaxed);
  while (!left_.compare_exchange_weak(mine->next, mine)) {
  }
  // Either the holder of the books sees the task when releasing them, or they are free now.
  { const Books books(*this, std::try_to_lock); }
  return record;
}

// Reverses left_, where the newest comes first, into the order of submission.
void PoolCore::put_left_in_order() {
  if (left_.load() == nullptr) return;
  Left* oldest = nullptr;
  Left* const last = left_.exchange(nullptr);
  for (Left* newest = last; newest != nullptr;) {
    Left* const before = std::exchange(newest->next, oldest);
    oldest = std::exchange(newest, before);
  }
  (next_left_ == nullptr ? next_left_ : last_left_->next) = oldest;
  last_left_ = last;
}

// Takes in the tasks left so far, at most `most` of them. A pool closed meanwhile still accepts them while it
// can.
void PoolCore::take_left(std::size_t most) {
  put_left_in_order();
  for (std::size_t n = 0; n < most && next_left_ != nullptr; ++n) {
    const std::unique_ptr<Left> each(std::exchange(next_left_, next_left_->next));
    Waiting& waiting = each->waiting;
    if (state_ == State::open || state_ == State::closed) {
      line_up(std::move(waiting), false);
      continue;
    }
    try {
      resolve(waiting.task, broken_ ? exec::EachItsOwn(broken_)()
                                    : std::make_exception_ptr(
                                          PoolTerminated("the pool was terminated before this task began")));
    } catch (const std::bad_alloc&) {
      resolve(waiting.task, std::current_exception());
    }
    drop_call(waiting.task);
  }
}

}  // namespace brood::pool
