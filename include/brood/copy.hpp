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
/// file is replaced as a whole (temporary name and rename), anything else that is in the way is left; a file
/// that could not be finished is removed. An error stops nothing but its entry, but for a full or broken
/// disk, which stops the copy.

#include <brood/detail/copy_task.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/executor.hpp>
#include <brood/task_errors.hpp>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brood {

/// The copy cannot begin: no source, no target, or the one inside the other. No file was written.
class CopyRefused : public Error {
 public:
  using Error::Error;
};

/// What a copy has done, so far or in all.
struct CopyReport {
  std::uint64_t files = 0;        ///< regular files that were copied
  std::uint64_t links = 0;        ///< symlinks that were made
  std::uint64_t folders = 0;      ///< subfolders, made or found in the target
  std::uint64_t bytes = 0;        ///< of data in those files
  std::uint64_t error_count = 0;  ///< entries that were not copied, or not wholly
  std::vector<CopyError> errors;  ///< the first thousand
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
  /// throws ends the copy and reaches the caller.
  std::function<void(const CopyReport& so_far)> progress = {};
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
  /// A report of all so far.
  const CopyReport& report();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// Copies `source` (a folder or a file; text or a std::filesystem::path) to `target`, which is made if need
/// be, and waits for the end. Throws CopyRefused before the first byte; everything later is in the report. A
/// task whose worker died is tried three times. Four tasks for each worker are under way at a time. With a
/// Pool any threads may copy at once, with a SerialExecutor one.
template <Executor E>
CopyReport copy_tree(E& executor, const detail::CopyPath& source, const detail::CopyPath& target,
                     const CopyOptions& options = {}) {
  struct Running {
    detail::CopyTask task;
    int tries;
  };
  detail::CopyPlan plan(source, target);
  std::vector<Running> tasks;
  std::vector<Future<detail::CopyDone>> futures;
  const auto begin = [&](detail::CopyTask task, int tries) {
    futures.push_back(executor.apply_async(&detail::run_copy_task, task));
    tasks.push_back({std::move(task), tries});
  };
  const auto most = static_cast<std::size_t>(executor.size()) * 4;
  for (;;) {
    while (futures.size() < most) {
      auto task = plan.next();
      if (!task) break;
      begin(std::move(*task), 1);
    }
    if (futures.empty()) break;
    const auto i = executor.wait_any(futures);
    auto future = std::exchange(futures[i], std::move(futures.back()));
    auto [task, tries] = std::exchange(tasks[i], std::move(tasks.back()));
    futures.pop_back();
    tasks.pop_back();
    try {
      plan.take(task, future.get());
    } catch (const WorkerDied& e) {
      if (tries < 3)
        begin(std::move(task), tries + 1);
      else
        plan.failed(task, e.what());
    } catch (const std::exception& e) {
      plan.failed(task, e.what());
    }
    if (options.progress) options.progress(plan.report());
  }
  return plan.report();
}

}  // namespace brood
