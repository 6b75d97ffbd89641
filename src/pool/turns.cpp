#include <brood/detail/turns.hpp>
#include <deque>
#include <utility>
#include <vector>

#include "platform/waits.hpp"
#include "pool/chunks.hpp"

namespace brood::detail {

namespace {

class TurnsOfTasks final : public Turns {
 public:
  TurnsOfTasks(PoolHandle& pool, bool is_ordered, const CallOptions* options,
               std::unique_ptr<CallsInTurn> calls)
      : pool_(pool), is_ordered_(is_ordered), options_(options), calls_(std::move(calls)) {}
  ~TurnsOfTasks() override {
    for (const auto& entry : entries_) drop_record(*entry.task);
  }

  bool find_next(Turn& turn) override {
    read_ahead();
    if (entries_.empty()) {
      if (broken_) std::rethrow_exception(std::exchange(broken_, nullptr));
      return false;
    }
    const auto which = is_ordered_ ? entries_.begin() : first_ready();
    turn.number = which->number;
    turn.task = which->task;
    entries_.erase(which);
    return true;
  }

 private:
  struct Entry {
    std::size_t number;
    Record* task;
  };

  // An exception of the input is thrown only after the results before it have been taken.
  void read_ahead() {
    const auto window = static_cast<std::size_t>(pool_.size()) * 64;
    try {
      while (!broken_ && entries_.size() < window) {
        entries_.push_back({read_, nullptr});
        entries_.back().task = calls_->submit_next(pool_, options_);
        if (entries_.back().task == nullptr) break;
        ++read_;
      }
    } catch (...) {
      broken_ = std::current_exception();
    }
    if (!entries_.empty() && entries_.back().task == nullptr) entries_.pop_back();
  }

  // A task that is already done, first in the order of the input; otherwise the task that ends first.
  std::deque<Entry>::iterator first_ready() {
    for (;;) {
      for (auto it = entries_.begin(); it != entries_.end(); ++it) {
        if (it->task->is_done()) return it;
      }
      std::vector<const Record*> records;
      for (const auto& entry : entries_) records.push_back(entry.task);
      pool_.wait_any(records);
    }
  }

  PoolHandle& pool_;
  const bool is_ordered_;
  const CallOptions* options_;
  const std::unique_ptr<CallsInTurn> calls_;
  std::size_t read_ = 0;
  std::exception_ptr broken_;
  std::deque<Entry> entries_;
};

class TurnsOfChunks final : public Turns, private MapSink {
 public:
  TurnsOfChunks(PoolHandle& pool, bool is_ordered, std::size_t chunksize, const MapTypes& types,
                std::unique_ptr<const ChunkFunction> function, ItemReader& items)
      : is_ordered_(is_ordered),
        types_(types),
        function_(std::move(function)),
        chunks_(pool, {chunksize, true}, types, *function_, items) {}

  bool find_next(Turn& turn) override {
    if (!runs_.empty() && runs_.front().taken == runs_.front().count) pop_run();
    const auto what = [](platform::WaitText& text) { text << "imap, for the next of its results"; };
    platform::WaitNote waiting(what);
    while (!is_ready()) {
      chunks_.fill(*this, taken_);
      if (is_ready()) break;
      waiting.begin();
      const bool goes_on = chunks_.wait(*this);
      waiting.rest();  // the input may wait for something itself
      if (goes_on) continue;
      if (chunks_.broken() && !std::exchange(has_thrown_, true)) std::rethrow_exception(chunks_.broken());
      return false;
    }
    Run& run = runs_.front();
    turn.number = run.first + run.taken;
    turn.failure = run.failure;
    turn.bytes = nullptr;
    turn.size = 0;
    if (!run.failure) find_bytes(turn, run);
    // The next call comes when all results given now have been taken.
    const auto given = run.failure || types_.in_rows ? run.count - run.taken : 1;
    turn.left = given - 1;
    run.taken += given;
    taken_ += given;
    return true;
  }

  // What Chunks reports.
  void take_row(std::size_t first, const DoneItems& done) override {
    Run run{first, done.count()};
    if (!spare_.empty()) {
      run.bytes = std::move(spare_.back());
      spare_.pop_back();
    }
    if (types_.in_rows) {
      run.bytes.assign(done.row(), done.row() + done.count() * types_.result_size);
    } else {
      run.bytes.clear();
      run.ends.reserve(done.count());
      for (std::size_t i = 0; i != done.count(); ++i) {
        const auto bytes = done[i];
        run.bytes.insert(run.bytes.end(), bytes.begin(), bytes.end());
        run.ends.push_back(run.bytes.size());
      }
    }
    put(std::move(run));
  }
  void take_one(std::size_t item, std::span<const std::byte> value, Future<void> task,
                HeldNames names) override {
    Run run{item, 1};
    run.value = value;
    run.task = std::move(task);
    run.names = std::move(names);
    put(std::move(run));
  }
  void fail(std::size_t first, std::size_t n, const std::exception_ptr& error) override {
    Run run{first, n};
    run.failure = error;
    put(std::move(run));
  }

 private:
  // Adjacent items and their outcome: bytes, the value of one task, or one failure for all of them.
  struct Run {
    std::size_t first, count;
    std::size_t taken = 0;
    std::vector<std::byte> bytes = {};
    std::vector<std::size_t> ends = {};  // only if the results differ in size
    std::span<const std::byte> value = {};
    Future<void> task = {};
    HeldNames names = {};
    std::exception_ptr failure = {};
  };

  void find_bytes(Turn& turn, const Run& run) const {
    if (run.task.valid()) {
      turn.bytes = run.value.data();
      turn.size = run.value.size();
    } else if (types_.in_rows) {
      turn.bytes = run.bytes.data() + run.taken * types_.result_size;
      turn.size = types_.result_size;
    } else {
      const auto begin = run.taken == 0 ? 0 : run.ends[run.taken - 1];
      turn.bytes = run.bytes.data() + begin;
      turn.size = run.ends[run.taken] - begin;
    }
  }

  bool is_ready() const {
    return !runs_.empty() && (!is_ordered_ || runs_.front().first + runs_.front().taken == taken_);
  }
  void put(Run run) {
    auto at = runs_.end();
    if (is_ordered_) {
      while (at != runs_.begin() && std::prev(at)->first > run.first) --at;
    }
    runs_.insert(at, std::move(run));
  }
  void pop_run() {
    if (spare_.size() < 8) spare_.push_back(std::move(runs_.front().bytes));
    runs_.pop_front();
  }

  const bool is_ordered_;
  const MapTypes types_;
  const std::unique_ptr<const ChunkFunction> function_;
  Chunks chunks_;
  std::size_t taken_ = 0;
  std::deque<Run> runs_;
  std::vector<std::vector<std::byte>> spare_;
  bool has_thrown_ = false;
};

}  // namespace

std::unique_ptr<Turns> turns_of_tasks(PoolHandle& pool, bool is_ordered, const CallOptions* options,
                                      std::unique_ptr<CallsInTurn> calls) {
  return std::make_unique<TurnsOfTasks>(pool, is_ordered, options, std::move(calls));
}

std::unique_ptr<Turns> turns_of_chunks(PoolHandle& pool, bool is_ordered, std::size_t chunksize,
                                       const MapTypes& types, std::unique_ptr<const ChunkFunction> function,
                                       ItemReader& items) {
  return std::make_unique<TurnsOfChunks>(pool, is_ordered, chunksize, types, std::move(function), items);
}

}  // namespace brood::detail
