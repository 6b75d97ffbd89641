#pragma once
/// copy_tree: copies a directory tree in parallel, on any Executor.
///
///   brood::Pool pool(4, brood::prepare_copy_worker);
///   brood::CopyReport report = brood::copy_tree(pool, "photos", "backup/photos");
///   if (!report.complete()) for (auto& e : report.errors) std::cerr << e.path << ": " << e.what << '\n';
///
/// The target becomes a copy of the source: data, permissions, times, symlinks as symlinks, and owners and
/// groups where this user may set them. A copy that ends up with a different owner loses its setuid and
/// setgid bits. An attribute that cannot be set is merely left out: the data is copied, and CopyReport::lacks
/// counts the entries. Other entries already in the target stay. FIFOs, sockets and devices are refused, with
/// one error each. Symlinks in the target are never followed, so a planted one cannot redirect a write
/// outside. An existing file is replaced as a whole (temporary name and rename); anything else in the way is
/// left alone. An error affects only its entry, except that a full or broken disk stops the copy.
///
/// An unfinished file is removed, even when a worker or the copy is killed in the middle of it: by the retry,
/// at the end of the copy, or by the next copy into the same folders. (Two kinds of leftover are possible.
/// The next copy cannot tell half of a new file from a complete one, and replaces it. And where a filesystem
/// does not record when a file was made, as with NFS 3, half of a new file that a killed worker was writing
/// stays.) Files larger than RLIMIT_FSIZE are reported as errors; no SIGXFSZ is delivered.
///
/// A file that grows while being copied is copied up to its original size, and CopyReport::notes says so. A
/// file that changes in any other way is copied a second time; if it changes again, the result stays, with an
/// error.

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

/// The copy cannot begin: the source or target is missing or unusable, or one is inside the other. No file
/// was written.
class CopyRefused : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The work that a copy has done so far, or in total.
struct CopyReport {
  std::uint64_t files = 0;        ///< regular files that were copied
  std::uint64_t links = 0;        ///< symlinks that were made
  std::uint64_t folders = 0;      ///< subfolders, made or found in the target
  std::uint64_t bytes = 0;        ///< of data in the copied files
  std::uint64_t error_count = 0;  ///< entries that were not copied, or not completely
  std::vector<CopyError> errors;  ///< the first thousand of them
  std::vector<CopyError> notes;   ///< not errors, the first thousand: files that grew meanwhile
  std::vector<CopyLack> lacks;    ///< attributes that could not be set, one element per attribute
  std::string stopped;            ///< why the copy was stopped early; empty when it was not
  double seconds = 0;             ///< since the copy began
  /// True when everything was copied, with all attributes that this user may set.
  bool complete() const { return error_count == 0 && stopped.empty() && refused() == 0; }
  /// Counts the attributes that could not be set, once per entry, leaving out those that were expected to
  /// fail.
  std::uint64_t refused() const {
    std::uint64_t n = 0;
    for (const auto& lack : lacks) n += lack.expected ? 0 : lack.count;
    return n;
  }
};

/// How to copy: `brood::copy_tree(pool, "a", "b", {.progress = draw_bar})`.
struct CopyOptions {
  /// Called in the caller's thread after each task (a folder, a batch of files or one large file). An
  /// exception it throws stops the copy as `stop` does and propagates to the caller.
  std::function<void(const CopyReport& so_far)> progress = {};
  /// Called in the caller's thread several times a second; returning true stops the copy in an orderly way.
  /// Nothing more begins; running tasks get half a second to end, then their processes are killed; unfinished
  /// files are removed, and the report's `stopped` says why. The function may test a flag set by a signal
  /// handler. With a SerialExecutor it is also called for each file, and within large ones.
  std::function<bool()> stop = {};
};

/// Initializer for the workers of a pool that copies: sets their umask to 0, which saves a system call per
/// file. The copy is the same without it. Do not call it in the program itself.
void prepare_copy_worker();

namespace detail {

/// A path given as text, std::filesystem::path or directory_entry. Taken as templates, so that this header
/// need not include <filesystem>.
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

/// Decides which task comes next and records the results. The caller runs the tasks.
class CopyPlan {
 public:
  /// Prepares a copy. Throws CopyRefused.
  CopyPlan(const CopyPath& source, const CopyPath& target);
  ~CopyPlan();
  /// The next task. Nothing: wait for a running task; when none is running, the copy is complete.
  std::optional<CopyTask> next();
  void take(const CopyTask& task, CopyDone done);
  /// Records that the task could not be done at all.
  void failed(const CopyTask& task, const std::string& why);
  /// Removes what the task has begun; call it when nothing is working on the task any more.
  void clean_up_after(const CopyTask& task);
  /// Lets no further task begin.
  void stop(const std::string& why);
  /// Completes the copy; call it after all tasks have ended.
  void end();
  /// The report so far.
  const CopyReport& report();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tasks of a copy that an executor is running.
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
  /// Waits until a task has ended; false when `stop` returned true first.
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
  /// Takes the results of tasks that end within half a second, and kills the processes of the rest.
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
      } catch (const std::exception&) {  // cancelled, or killed by the same signal as this process
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

/// Copies `source` (a folder or a file; text or a std::filesystem::path) to `target`, creating it if needed,
/// and waits for the end. Throws CopyRefused before the first byte is written; all later errors are in the
/// report. A task whose worker dies is tried three times in all. Up to four tasks per worker are in flight at
/// a time. With a Pool, any number of threads may copy at once; with a SerialExecutor, one.
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
