#pragma once
/// Copying a tree of files on any Executor.
///
///   brood::Pool pool(4, brood::prepare_copy_worker);
///   brood::CopyReport report = brood::copy_tree(pool, "photos", "backup/photos");
///   if (!report.complete()) for (auto& e : report.errors) std::cerr << e.path << ": " << e.what << '\n';
///
/// The target becomes a copy of the source: data, permissions, times, symlinks as symlinks; owners and groups
/// where this user may set them. Where the owner is another, the copy has no setuid and setgid bits. An
/// attribute that cannot be set costs nothing but itself: the data arrives, and CopyReport::lacks counts the
/// entries. What is in the target besides stays. FIFOs, sockets and devices are refused, one error
/// each. Nothing in the target is followed: a symlink planted there never leads a write outside. An existing
/// file is replaced as a whole (temporary name and rename), anything else that is in the way is left. An
/// error stops nothing but its entry, but for a full or broken disk, which stops the copy.
///
/// A file that could not be finished is removed, also when a worker or the copy is killed in the middle of
/// it: by the retry, the end of the copy, or the next copy into the same folders. (Two leftovers are
/// possible: the next copy cannot tell the half of a new file from a file, and replaces it; and where a
/// filesystem does not tell when a file was made, as NFS 3, the half of a new file stays that a killed worker
/// had in hand.) Files that are larger than RLIMIT_FSIZE are errors of their own; no SIGXFSZ is delivered.
///
/// A file that grows meanwhile is copied as it was at first, and CopyReport::notes says so; one that changes
/// otherwise is copied once more, and if it changes again the result stays, with an error.

#include <brood/detail/copy_task.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/executor.hpp>
#include <brood/task_errors.hpp>
#include <brood/wait.hpp>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brood {

/// The copy cannot begin: no source, no target, or the one inside the other. No file was written.
class CopyRefused : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// What a copy has done, so far or in all.
struct CopyReport {
  std::uint64_t files = 0;        ///< regular files that were copied
  std::uint64_t links = 0;        ///< symlinks that were made
  std::uint64_t folders = 0;      ///< subfolders, made or found in the target
  std::uint64_t bytes = 0;        ///< of data in those files
  std::uint64_t error_count = 0;  ///< entries that were not copied, or not wholly
  std::vector<CopyError> errors;  ///< the first thousand
  std::vector<CopyError> notes;   ///< what is no error, of the first thousand: files that grew meanwhile
  std::vector<CopyLack> lacks;    ///< attributes that could not be set: one element for each attribute
  std::string stopped;            ///< why the copy was given up, empty when it was not
  double seconds = 0;             ///< since the copy began
  /// All was copied, with all attributes that this user may set.
  bool complete() const { return error_count == 0 && stopped.empty() && refused() == 0; }
  /// Attributes whose setting was refused, each entry that lacks it counted: without those that are expected.
  std::uint64_t refused() const {
    std::uint64_t n = 0;
    for (const auto& lack : lacks) n += lack.expected ? 0 : lack.count;
    return n;
  }
};

/// How to copy: `brood::copy_tree(pool, "a", "b", {.progress = draw_bar})`.
struct CopyOptions {
  /// Called after each task (a folder, a batch of files or one large file), in the caller's thread. What it
  /// throws ends the copy as `stop` does and reaches the caller.
  std::function<void(const CopyReport& so_far)> progress = {};
  /// Asked in the caller's thread, several times a second: true ends the copy in order. Nothing more begins;
  /// tasks under way have half a second to end, then their processes are killed; what was not finished is
  /// removed, and the report says `stopped`. It may look at what a signal handler has set. With a
  /// SerialExecutor it is also asked for each file, and within large ones.
  std::function<bool()> stop = {};
};

/// Initializer for the workers of a pool that copies: sets their umask to 0, which saves a system call for
/// each file. Without it the copy is the same. Not for the program itself.
void prepare_copy_worker();

namespace detail {

/// Text, or a std::filesystem::path or directory_entry: whoever has one of these has included what they need.
class CopyPath {
 public:
  template <class T>
    requires std::convertible_to<const T&, std::string_view>
  CopyPath(const T& text) : bytes_(std::string_view(text)) {}  // NOLINT: meant to convert
  template <class P>
    requires requires(const P& path) { path.native(); }
  CopyPath(const P& path) : bytes_(path.native()) {}  // NOLINT
  template <class E>
    requires requires(const E& entry) { entry.path().native(); }
  CopyPath(const E& entry) : bytes_(entry.path().native()) {}  // NOLINT
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// What is to be done next, and what has been done. The caller runs the tasks.
class CopyPlan {
 public:
  /// Throws CopyRefused.
  CopyPlan(const CopyPath& source, const CopyPath& target);
  ~CopyPlan();
  /// Nothing: wait for a running task, or, when none runs, the end.
  std::optional<CopyTask> next();
  void take(const CopyTask& task, CopyDone done);
  /// The task could not be done at all.
  void failed(const CopyTask& task, const std::string& why);
  /// Nobody works at the task any more: removes what it has begun.
  void clean_up_after(const CopyTask& task);
  /// Nothing more is to begin.
  void stop(const std::string& why);
  /// After all tasks have ended.
  void end();
  /// A report of all so far.
  const CopyReport& report();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tasks of a copy that an executor has.
template <class E>
class CopyUnderWay {
 public:
  CopyUnderWay(E& executor, CopyPlan& plan) : executor_(executor), plan_(plan) {}

  bool idle() const { return futures_.empty(); }
  void begin_more() {
    const auto most = static_cast<std::size_t>(executor_.size()) * 4;
    while (futures_.size() < most) {
      auto task = plan_.next();
      if (!task) break;
      begin(std::move(*task), 1);
    }
  }
  /// Until one has ended; false when `stop` says so before.
  bool wait(const std::function<bool()>& stop) {
    constexpr auto look_again = std::chrono::milliseconds(50);
    do {
      if (stop()) return false;
    } while (brood::wait(futures_, When::first_completed, look_again).done.empty());
    return !stop();
  }
  void take_one() {
    auto [task, tries, future] = remove(executor_.wait_any(futures_));
    try {
      plan_.take(task, future.get());
    } catch (const WorkerDied& e) {
      if (tries == most_tries) return plan_.failed(task, e.what());
      plan_.clean_up_after(task);
      begin(std::move(task), tries + 1);
    } catch (const std::exception& e) {
      plan_.failed(task, e.what());
    }
  }
  /// Takes what ends within half a second, and ends the rest with its processes.
  void end_all() {
    constexpr std::chrono::milliseconds patience(500), again(100);
    for (auto& future : futures_) future.cancel();
    if (!idle()) brood::wait(futures_, When::all_completed, patience);
    do {
      for (auto& future : futures_) future.cancel(CancelMode::kill);
    } while (!idle() && !brood::wait(futures_, When::all_completed, again).not_done.empty());
    while (!idle()) {
      auto [task, tries, future] = remove(futures_.size() - 1);
      try {
        plan_.take(task, future.get());
      } catch (const std::exception&) {  // cancelled, or killed by the same signal as we
        plan_.clean_up_after(task);
      }
    }
  }

 private:
  static constexpr int most_tries = 3;
  struct Running {
    CopyTask task;
    int tries;
  };
  struct Ended {
    CopyTask task;
    int tries;
    Future<CopyDone> future;
  };

  void begin(CopyTask task, int tries) {
    futures_.push_back(executor_.apply_async(&run_copy_task, task));
    tasks_.push_back({std::move(task), tries});
  }
  Ended remove(std::size_t i) {
    auto future = std::exchange(futures_[i], std::move(futures_.back()));
    auto [task, tries] = std::exchange(tasks_[i], std::move(tasks_.back()));
    futures_.pop_back();
    tasks_.pop_back();
    return {std::move(task), tries, std::move(future)};
  }

  E& executor_;
  CopyPlan& plan_;
  std::vector<Running> tasks_;
  std::vector<Future<CopyDone>> futures_;
};

}  // namespace detail

/// Copies `source` (a folder or a file; text or a std::filesystem::path) to `target`, which is made if need
/// be, and waits for the end. Throws CopyRefused before the first byte; everything later is in the report. A
/// task whose worker died is tried three times. Four tasks for each worker are under way at a time. With a
/// Pool any threads may copy at once, with a SerialExecutor one.
template <Executor E>
CopyReport copy_tree(E& executor, const detail::CopyPath& source, const detail::CopyPath& target,
                     const CopyOptions& options = {}) {
  detail::CopyPlan plan(source, target);
  detail::CopyUnderWay under_way(executor, plan);
  const detail::CopyStop stop(options.stop);
  try {
    for (under_way.begin_more(); !under_way.idle(); under_way.begin_more()) {
      if (options.stop && !under_way.wait(options.stop)) {
        plan.stop("it was asked to stop");
        under_way.end_all();
        break;
      }
      under_way.take_one();
      if (options.progress) options.progress(plan.report());
    }
  } catch (...) {
    plan.stop("its caller gave it up");
    under_way.end_all();
    plan.end();
    throw;
  }
  plan.end();
  return plan.report();
}

}  // namespace brood
