#pragma once
/// Copying a tree of files on any Executor.
///
///   brood::Pool pool(4, brood::prepare_copy_worker);
///   brood::CopyReport report = brood::copy_tree(pool, "photos", "backup/photos");
///   if (!report.complete()) for (auto& e : report.errors) std::cerr << e.path << ": " << e.what << '\n';
///
/// The target becomes a copy of the source: data, permissions, times, symlinks as symlinks; owners where this
/// user may set them. What is in the target besides stays. FIFOs, sockets and devices are refused, one error
/// each. Nothing in the target is followed: a symlink planted there never leads a write outside. An existing
/// file is replaced as a whole (temporary name and rename); a file that could not be finished is removed. An
/// error stops nothing but its entry, but for a full or broken disk, which stops the copy.

#include <brood/detail/copy_task.hpp>
#include <brood/executor.hpp>
#include <brood/task_errors.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace brood {

/// The copy cannot begin: no source, no target, or the one inside the other. Nothing was written.
class CopyRefused : public Error {
 public:
  using Error::Error;
};

struct CopyReport {
  std::uint64_t files = 0, links = 0, folders = 0, bytes = 0;
  std::uint64_t error_count = 0;
  std::vector<CopyError> errors;  // the first thousand
  std::string stopped;            // why the copy was given up, empty when it was not
  double seconds = 0;
  bool complete() const { return error_count == 0 && stopped.empty(); }
};

struct CopyOptions {
  /// Called after each task, in the caller's thread.
  std::function<void(const CopyReport& so_far)> progress = {};
};

/// Initializer for the workers of a pool that copies: saves a system call for each file.
void prepare_copy_worker();

namespace detail {

/// What is to be done next, and what has been done. The caller runs the tasks.
class CopyPlan {
 public:
  /// Throws CopyRefused.
  CopyPlan(const std::filesystem::path& source, const std::filesystem::path& target);
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

/// Copies `source` (a folder or a file) to `target`, which is made if need be. Throws CopyRefused before the
/// first byte; everything later is in the report.
template <Executor E>
CopyReport copy_tree(E& executor, const std::filesystem::path& source, const std::filesystem::path& target,
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
