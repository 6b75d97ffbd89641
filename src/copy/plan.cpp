// The caller's side of a copy: decides which tasks there are, and records their outcomes.

#include <algorithm>
#include <brood/copy.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <queue>
#include <vector>

#include "copy/attributes.hpp"
#include "copy/leftovers.hpp"
#include "platform/file.hpp"

namespace {
// Lets CopyRefused arrive as its own type when a task throws it. Runs before any global of the program is
// initialised, since those may use brood already.
[[gnu::constructor(200)]] void register_here() { brood::carry_exception<brood::CopyRefused>(); }
}  // namespace

namespace brood::detail {

namespace {

constexpr std::size_t errors_kept = 1000;

struct Folder {
  std::string path;
  std::uint64_t parent = 0;
  bool found = false;         // existed in the target before this run
  std::uint64_t pending = 1;  // tasks and subfolders that have not ended
  std::optional<CopyFolderEnd> end;
};

struct BigFile {
  std::uint64_t size;
  std::uint64_t folder;
  std::string name;
  bool operator<(const BigFile& other) const { return size < other.size; }
};

std::string without_dots(const std::filesystem::path& path) {
  auto text = std::filesystem::absolute(path).lexically_normal().native();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// True when the target is the source or inside it, under whatever names: compares the identities of the
// existing folders upwards.
bool lies_inside(const std::string& target, const platform::FileStatus& source) {
  std::error_code ignored;  // if the path cannot be resolved, it is used as given
  std::filesystem::path at = std::filesystem::weakly_canonical(target, ignored);
  if (ignored) at = target;
  for (;; at = at.parent_path()) {
    platform::FileStatus here;
    if (platform::status_of_path(at.native(), here) == 0 && here.device == source.device &&
        here.inode == source.inode) {
      return true;
    }
    if (!at.has_relative_path()) return false;
  }
}

}  // namespace

struct CopyPlan::State {
  CopyRoots roots;
  platform::Descriptor source, target;
  bool single = false;  // a single file, whose folder is left alone
  const platform::Identity us = platform::own_identity();
  std::map<std::uint64_t, Folder> folders;
  std::uint64_t last_folder = 0, last_task = 0;
  std::vector<CopyTask> tasks;  // the newest first: depth-first keeps few folders unfinished
  std::priority_queue<BigFile> big;
  CopyReport report;
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();

  CopyTask task_for(std::uint64_t folder, bool list, std::vector<CopyEntry> entries) {
    const auto& at = folders.at(folder);
    // Only one task per folder looks for leftovers.
    const bool looks = at.found && (list || single);
    return {roots, ++last_task, folder, at.path, looks, list, std::move(entries)};
  }

  std::uint64_t add_folder(std::string path, std::uint64_t parent, bool found) {
    const auto id = ++last_folder;
    folders.emplace(id, Folder{std::move(path), parent, found, 1, {}});
    return id;
  }

  void add_error(CopyError error) {
    if (report.errors.size() < errors_kept) report.errors.push_back(std::move(error));
  }

  // Records the end of one task or subfolder of the folder; the last one ends the folder, and so on upwards.
  void end_one(std::uint64_t id) {
    while (id != 0) {
      const auto it = folders.find(id);
      if (it == folders.end() || --it->second.pending > 0) return;
      if (!report.stopped.empty()) return;  // leave_unfinished() handles it
      const Folder folder = std::move(it->second);
      folders.erase(it);
      give_attributes(folder, true);
      id = folder.parent;
    }
  }

  // Finishes folders after a stop: they keep the times of this run and stay accessible to their owner, who
  // may continue the copy.
  void leave_unfinished() {
    for (auto it = folders.rbegin(); it != folders.rend(); ++it) give_attributes(it->second, false);
    folders.clear();
  }

  // The status of the source's folder; nothing when it is gone. Read again if no task could report it,
  // because the folder cannot be opened or its tasks have died.
  std::optional<platform::FileStatus> wanted_for(const Folder& folder) const {
    platform::FileStatus status;
    if (folder.end) return status_from(*folder.end);
    if (platform::status_below(source, folder.path, status) != 0) return {};
    return status;
  }

  void give_attributes(const Folder& folder, bool finished) {
    if (single) return;
    auto wanted_or_nothing = wanted_for(folder);
    if (!wanted_or_nothing) return;
    auto& wanted = *wanted_or_nothing;
    if (!finished) wanted.mode |= 0700;
    const std::string path = folder.path.empty() ? "." : folder.path;
    const auto opened = platform::open_folder_below(target, folder.path);
    platform::FileStatus now;
    int error = opened.error;
    if (error == 0) error = platform::status_of(opened.descriptor, now);
    if (error != 0) {
      ++report.error_count;
      return add_error({path, "its permissions and times cannot be set: " + platform::reason(error)});
    }
    const auto tell = [&](const char* attribute, bool expected, std::string why) {
      add_lack(report.lacks, {attribute, expected, 1, path, std::move(why)});
    };
    give_owner(
        wanted, {now.user, now.group}, us,
        [&](auto user, auto group) { return platform::set_owner(opened.descriptor, user, group); }, tell);
    constexpr std::uint32_t setuid_or_setgid = 06000;
    if (now.mode != wanted.mode || (wanted.mode & setuid_or_setgid) != 0)
      give_mode(opened.descriptor, wanted, tell);
    if (finished) give_times(opened.descriptor, wanted, tell);
  }

  static platform::FileStatus status_from(const CopyFolderEnd& end) {
    platform::FileStatus s;
    s.mode = end.mode;
    s.user = end.user;
    s.group = end.group;
    s.accessed = {end.accessed, end.accessed_ns};
    s.modified = {end.modified, end.modified_ns};
    return s;
  }
};

CopyPlan::CopyPlan(const CopyPath& source_path, const CopyPath& target_path) : state_(new State) {
  auto& s = *state_;
  if (source_path.bytes().empty() || target_path.bytes().empty())
    throw CopyRefused("cannot copy: the source or the target has no name");
  std::string source = without_dots(source_path.bytes());
  std::string target = without_dots(target_path.bytes());
  platform::FileStatus status;
  if (const int error = platform::status_of_path(source, status)) {
    throw CopyRefused("cannot copy " + source + ": " + platform::reason(error));
  }
  const bool single = status.kind == platform::FileKind::file;
  if (!single && status.kind != platform::FileKind::folder) {
    throw CopyRefused("cannot copy " + source + ": it is neither a folder nor a file");
  }
  std::string name, as;
  if (single) {
    platform::FileStatus there;
    const bool into =
        platform::status_of_path(target, there) == 0 && there.kind == platform::FileKind::folder;
    if (!into && platform::status_of_path(target, there) == 0 && there.kind != platform::FileKind::file) {
      throw CopyRefused("cannot copy to " + target + ": it is neither a file nor a folder");
    }
    name = source.substr(source.rfind('/') + 1);
    as = into ? name : target.substr(target.rfind('/') + 1);
    if (lies_inside(into ? target + "/" + as : target, status)) {
      throw CopyRefused("cannot copy " + source + " onto itself");
    }
    source = std::filesystem::path(source).parent_path().native();
    if (!into) target = std::filesystem::path(target).parent_path().native();
  } else if (lies_inside(target, status)) {
    throw CopyRefused("cannot copy " + source + " into " + target +
                      ": the target lies inside the source; choose one beside it");
  }
  auto from = platform::open_root(source);
  if (!from.descriptor) throw CopyRefused("cannot read " + source + ": " + platform::reason(from.error));
  // The copy of a folder is accessible only to us until it is complete; then it gets the mode of its source.
  const std::uint32_t mode = 0777 & ~cleared_umask();
  if (const int error = platform::make_folders(target, mode, single ? mode : 0700)) {
    throw CopyRefused("cannot make " + target + ": " + platform::reason(error));
  }
  auto to = platform::open_root(target);
  if (!to.descriptor) throw CopyRefused("cannot open " + target + ": " + platform::reason(to.error));
  platform::FileStatus source_status, target_status;
  platform::status_of(from.descriptor, source_status);
  platform::status_of(to.descriptor, target_status);
  const auto now = platform::file_clock(to.descriptor);
  s.roots = {source,
             target,
             platform::random_number(),
             now.seconds,
             now.nanoseconds,
             source_status.device,
             source_status.inode,
             target_status.device,
             target_status.inode};
  s.source = std::move(from.descriptor);
  s.target = std::move(to.descriptor);
  s.single = single;

  const auto root = s.add_folder("", 0, true);
  if (single)
    s.tasks.push_back(s.task_for(root, false, {{name, as, true}}));
  else
    s.tasks.push_back(s.task_for(root, true, {}));
}

CopyPlan::~CopyPlan() = default;

std::optional<CopyTask> CopyPlan::next() {
  auto& s = *state_;
  if (!s.report.stopped.empty()) return std::nullopt;
  // The largest first: a large file that begins last would delay the end most.
  if (!s.big.empty()) {
    const BigFile file = s.big.top();
    s.big.pop();
    return s.task_for(file.folder, false, {{file.name, {}, true}});
  }
  if (s.tasks.empty()) return std::nullopt;
  CopyTask task = std::move(s.tasks.back());
  s.tasks.pop_back();
  return task;
}

void CopyPlan::take(const CopyTask& task, CopyDone done) {
  auto& s = *state_;
  auto& report = s.report;
  report.files += done.files;
  report.links += done.links;
  report.folders += done.folders;
  report.bytes += done.bytes;
  report.error_count += done.error_count;
  for (auto& error : done.errors) s.add_error(std::move(error));
  for (auto& lack : done.lacks) add_lack(report.lacks, std::move(lack));
  if (report.stopped.empty()) report.stopped = done.fatal;
  auto& folder = s.folders.at(task.folder_id);
  if (done.end) folder.end = done.end;
  const std::string below = folder.path.empty() ? "" : folder.path + "/";
  folder.pending += done.subfolders.size() + done.batches.size() + done.big.size();
  for (auto& [size, name] : done.big) s.big.push({size, task.folder_id, std::move(name)});
  for (auto& note : done.notes)
    if (report.notes.size() < errors_kept) report.notes.push_back(std::move(note));
  for (const auto& [name, found] : done.subfolders) {
    s.tasks.push_back(s.task_for(s.add_folder(below + name, task.folder_id, found), true, {}));
  }
  for (auto& batch : done.batches) s.tasks.push_back(s.task_for(task.folder_id, false, std::move(batch)));
  s.end_one(task.folder_id);
}

void CopyPlan::failed(const CopyTask& task, const std::string& why) {
  auto& s = *state_;
  clean_up_after(task);
  ++s.report.error_count;
  std::string path = task.folder.empty() ? "." : task.folder;
  if (task.entries.size() == 1)
    path = (task.folder.empty() ? "" : task.folder + "/") + task.entries.front().name;
  s.add_error({path, why});
  s.end_one(task.folder_id);
}

void CopyPlan::clean_up_after(const CopyTask& task) {
  auto& s = *state_;
  const auto from = platform::open_folder_below(s.source, task.folder);
  const auto to = platform::open_folder_below(s.target, task.folder);
  if (to.descriptor) remove_unfinished(from.descriptor, to.descriptor, task);
}

void CopyPlan::stop(const std::string& why) {
  if (state_->report.stopped.empty()) state_->report.stopped = why;
}

void CopyPlan::end() {
  if (!state_->report.stopped.empty()) state_->leave_unfinished();
}

const CopyReport& CopyPlan::report() {
  state_->report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - state_->begun).count();
  return state_->report;
}

}  // namespace brood::detail
