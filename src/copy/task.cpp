// One task of a copy; it may run in any process.

#include <brood/copy.hpp>
#include <brood/detail/copy_task.hpp>
#include <optional>
#include <string>

#include "copy/attributes.hpp"
#include "copy/leftovers.hpp"
#include "platform/child.hpp"
#include "platform/file.hpp"

namespace brood {
namespace detail {
namespace {

using platform::Descriptor;
using platform::FileKind;
using platform::FileStatus;
using platform::Opened;

constexpr std::size_t entries_at_once = 128;
constexpr std::uint64_t big_size = 4 << 20;  // files of this size are worth a task of their own
constexpr std::size_t errors_told = 1000;

thread_local const std::function<bool()>* stop_asked = nullptr;
thread_local platform::Pid stop_asked_in = 0;  // the process that set it

bool umask_is_clear = false;
std::uint32_t umask_before = 0;

struct Roots {
  CopyRoots names;
  Descriptor source, target;
  std::string error;
  platform::Identity us;
};

// The roots of a copy, opened once per process and copy.
Roots& roots_of(const CopyRoots& names) {
  static Roots open;
  if (open.source && open.names == names) return open;
  open = {names, {}, {}, {}, platform::own_identity()};
  const auto check = [&](const std::string& path, std::uint64_t device, std::uint64_t inode, Descriptor& to) {
    Opened root = platform::open_root(path);
    FileStatus status;
    if (!root.descriptor) {
      open.error = path + ": " + platform::reason(root.error);
    } else if (platform::status_of(root.descriptor, status) != 0 || status.device != device ||
               status.inode != inode) {
      open.error = path + " is another folder now than when the copy began";
    } else {
      to = std::move(root.descriptor);
    }
  };
  check(names.source, names.source_device, names.source_inode, open.source);
  if (open.error.empty()) check(names.target, names.target_device, names.target_inode, open.target);
  if (!open.error.empty()) open.source.reset();
  return open;
}

class Copier {
 public:
  explicit Copier(const CopyTask& task) : task_(task) {}
  ~Copier() {
    // All tasks of this process share the root's open file description, and with it the lock.
    if (locked_) platform::lock_folder(to_, platform::Lock::none);
  }
  Copier(const Copier&) = delete;
  Copier& operator=(const Copier&) = delete;

  CopyDone run() {
    Roots& roots = roots_of(task_.roots);
    if (!roots.error.empty()) {
      done_.fatal = roots.error;
      return std::move(done_);
    }
    Opened from = platform::open_folder_below(roots.source, task_.folder);
    if (!from.descriptor)
      return fail("", "cannot be opened: " + platform::reason(from.error)), std::move(done_);
    Opened to = platform::open_folder_below(roots.target, task_.folder);
    if (!to.descriptor) {
      return fail("", "cannot be opened in the target: " + platform::reason(to.error)), std::move(done_);
    }
    us_ = &roots.us;
    from_ = std::move(from.descriptor);
    to_ = std::move(to.descriptor);
    learn_owner_of_new();
    if (task_.found) remove_leftovers(to_, task_.roots);
    if (task_.list) list();
    for (const auto& entry : task_.entries) {
      if (ends_early()) break;
      copy_entry(entry);
    }
    return std::move(done_);
  }

 private:
  void fail(const std::string& name, std::string what) {
    ++done_.error_count;
    if (done_.errors.size() >= errors_told) return;
    done_.errors.push_back({path_of(name), std::move(what)});
  }

  // The path of an entry or, with an empty name, of the folder.
  std::string path_of(const std::string& name) const {
    const bool top = task_.folder.empty();
    return name.empty() ? (top ? "." : task_.folder) : (top ? name : task_.folder + "/" + name);
  }

  auto teller_for(const std::string& name) {
    return [this, &name](const char* attribute, bool expected, std::string why) {
      add_lack(done_.lacks, {attribute, expected, 1, path_of(name), std::move(why)});
    };
  }

  void note(const std::string& name, std::string what) {
    if (done_.notes.size() < errors_told) done_.notes.push_back({path_of(name), std::move(what)});
  }

  static bool asked_to_stop() { return stop_asked != nullptr && (*stop_asked)(); }
  bool ends_early() const { return !done_.fatal.empty() || asked_to_stop(); }

  // Records a failure in the target; when the target is full or gone, it is useless to go on.
  void fail_writing(const std::string& name, int error) {
    if (platform::disk_is_full(error))
      done_.fatal = "the target cannot be written: " + platform::reason(error);
    fail(name, "cannot be written: " + platform::reason(error));
  }

  void list() {
    FileStatus status;
    if (platform::status_of(from_, status) == 0) {
      done_.end = CopyFolderEnd{status.mode,
                                status.user,
                                status.group,
                                status.accessed.seconds,
                                status.accessed.nanoseconds,
                                status.modified.seconds,
                                status.modified.nanoseconds};
    }
    std::vector<CopyEntry> now, batch;
    const int error = platform::list_folder(from_, [&](std::string_view view, FileKind kind) {
      std::string name(view);
      if (kind == FileKind::unknown) {
        FileStatus s;
        if (const int e = platform::status_in(from_, name, s)) return fail(name, platform::reason(e)), true;
        kind = s.kind;
      }
      switch (kind) {
        case FileKind::folder:
          add_subfolder(name);
          break;
        case FileKind::file:
        case FileKind::link:
          if (now.size() < entries_at_once)
            now.push_back({std::move(name), {}, false});
          else
            batch.push_back({std::move(name), {}, false});
          break;
        default:
          fail(name, "is a " + word_for(kind) + ", which is not copied");
          break;
      }
      if (batch.size() == entries_at_once) done_.batches.push_back(std::exchange(batch, {}));
      return !ends_early();
    });
    if (error != 0) fail("", "cannot be listed to its end: " + platform::reason(error));
    if (!batch.empty()) done_.batches.push_back(std::move(batch));
    for (const auto& entry : now) {
      if (ends_early()) break;
      copy_entry(entry);
    }
  }

  static std::string word_for(FileKind kind) {
    switch (kind) {
      case FileKind::fifo:
        return "FIFO";
      case FileKind::socket:
        return "socket";
      case FileKind::device:
        return "device";
      default:
        return "special file";
    }
  }

  // Makes a subfolder to which we have all rights until the end, when it gets the mode of the source.
  void add_subfolder(const std::string& name) {
    const int error = platform::make_folder(to_, name, 0700);
    if (error == platform::already_there) {
      FileStatus status;
      if (platform::status_in(to_, name, status) != 0 || status.kind != FileKind::folder) {
        return fail(name, "is a folder here but something else in the target");
      }
    } else if (error != 0) {
      return fail_writing(name, error);
    }
    ++done_.folders;
    done_.subfolders.push_back({name, error == platform::already_there});
  }

  void copy_entry(const CopyEntry& entry, bool again = false) {
    const std::string& as = entry.as.empty() ? entry.name : entry.as;
    Opened from = platform::open_file(from_, entry.name);
    FileStatus status;
    if (!from.descriptor) {
      if (platform::status_in(from_, entry.name, status) == 0 && status.kind == FileKind::link) {
        return copy_symlink(entry.name, as, status);
      }
      return fail(entry.name, "cannot be read: " + platform::reason(from.error));
    }
    if (const int error = platform::status_of(from.descriptor, status))
      return fail(entry.name, platform::reason(error));
    if (status.kind != FileKind::file) return fail(entry.name, "is no longer a file");
    if (status.size > big_size && !entry.may_be_big) {
      done_.big.emplace_back(status.size, entry.name);
      return;
    }
    copy_file(entry, as, from.descriptor, status, again);
  }

  // True when the target has nothing, a file or a link at that name; anything else must not be removed.
  bool may_replace(const std::string& name, const std::string& as) {
    FileStatus there;
    if (platform::status_in(to_, as, there) != 0) return true;  // it has gone meanwhile
    if (there.kind == FileKind::file || there.kind == FileKind::link) return true;
    fail(name, "cannot replace what is in the target: that is a " +
                   (there.kind == FileKind::folder ? std::string("folder") : word_for(there.kind)));
    return false;
  }

  void copy_symlink(const std::string& name, const std::string& as, const FileStatus& status) {
    int error = make_link(name, status, as);
    if (error == platform::already_there && !may_replace(name, as)) return;
    if (error == platform::already_there) {
      std::string temporary;
      error = with_temporary_name([&] { return make_link(name, status, temporary); }, temporary);
      if (error == 0) error = platform::rename_in(to_, temporary, as);
      if (error != 0) platform::remove_in(to_, temporary);
    }
    if (error != 0) return fail_writing(name, error);
    ++done_.links;
  }

  int make_link(const std::string& name, const FileStatus& status, const std::string& as) {
    const int error = platform::copy_link(from_, to_, name, status, as);
    if (error != 0) return error;
    FileStatus made;
    if (!knows_owner_of_new_ && platform::status_in(to_, as, made) == 0) new_ones_are_of(made);
    const auto tell = teller_for(name);
    give_owner(
        status, owner_of_new_, *us_,
        [&](auto user, auto group) { return platform::set_owner_in(to_, as, user, group); }, tell);
    const int times = platform::set_times_in(to_, as, status.accessed, status.modified);
    if (times != 0) tell("times", false, platform::reason(times));
    return 0;
  }

  // Calls make() with new names until one is free, and returns its result.
  template <class Make>
  int with_temporary_name(Make make, std::string& name) {
    constexpr int most = 1000;
    // The lock tells other runs that these names are in use. Without a lock they still check the file's age.
    if (!std::exchange(locked_, true)) platform::lock_folder(to_, platform::Lock::shared);
    int error = platform::already_there;
    for (int i = 0; i < most && error == platform::already_there; ++i) {
      name = temporary_name(task_, temporaries_++);
      error = make();
    }
    return error;
  }

  // Finds out who owns new files in the target's folder: this user, unless the folder passes on its group,
  // because of its setgid bit or its filesystem's mount options; then the first new file tells.
  void learn_owner_of_new() {
    FileStatus folder;
    owner_of_new_ = {us_->user, us_->group};
    const bool told = platform::status_of(to_, folder) == 0;
    if (told && (folder.mode & 02000) != 0) owner_of_new_.group = folder.group;
    knows_owner_of_new_ = told && folder.group == owner_of_new_.group;
  }

  void new_ones_are_of(const FileStatus& one) {
    owner_of_new_ = {one.user, one.group};
    knows_owner_of_new_ = true;
  }

  // A new file is made under its final name and gets its times last: until then it has neither the source's
  // size nor its times. An existing file is replaced through a temporary name and rename.
  void copy_file(const CopyEntry& entry, const std::string& as, const Descriptor& from,
                 const FileStatus& status, bool again) {
    const std::string& name = entry.name;
    const bool other_owner = !knows_owner_of_new_ || owner_will_change(status, owner_of_new_, *us_);
    // Never readable by more users than the source, not even for an instant.
    const std::uint32_t first_mode = status.mode & (other_owner ? 0600 : 0777);
    std::string made = as;
    Opened to = platform::create_file(to_, made, first_mode);
    if (to.error == platform::already_there) {
      if (!may_replace(name, as)) return;
      with_temporary_name(
          [&] {
            to = platform::create_file(to_, made, first_mode);
            return to.error;
          },
          made);
    }
    if (!to.descriptor) return fail_writing(name, to.error);

    std::uint64_t copied = 0;
    const int error =
        platform::copy_content(from, to.descriptor, status.size, copied, [] { return asked_to_stop(); });
    if (error != 0) {
      platform::remove_in(to_, made);
      if (error == platform::was_stopped) return;
      return error == platform::too_large ? fail_too_large(name, status.size) : fail_writing(name, error);
    }
    const Change change = change_of(from, status, copied);
    if (change == Change::other && !again) {
      platform::remove_in(to_, made);
      return copy_entry(entry, true);
    }
    const auto tell = teller_for(name);
    give_rights(to.descriptor, status, first_mode, tell);
    // A copy that differs from the source does not get its times.
    if (change != Change::other) give_times(to.descriptor, status, tell);
    if (const int e = made != as ? platform::rename_in(to_, made, as) : 0) {
      platform::remove_in(to_, made);
      return fail_writing(name, e);
    }
    if (change == Change::other)
      return fail(name,
                  "changed while it was copied, twice; what is in the target may be part old, part new");
    if (change == Change::grown)
      note(name, "grew while it was copied: the copy has the " + std::to_string(copied) +
                     " bytes that were there at first");
    ++done_.files;
    done_.bytes += copied;
  }

  enum class Change { none, grown, other };

  // How the source has changed since `status`; `copied` bytes of it were copied.
  static Change change_of(const Descriptor& from, const FileStatus& status, std::uint64_t copied) {
    FileStatus after;
    if (platform::status_of(from, after) != 0 || copied < status.size) return Change::other;
    if (after.size > status.size) return Change::grown;
    return after.size == status.size && after.modified == status.modified ? Change::none : Change::other;
  }

  void fail_too_large(const std::string& name, std::uint64_t size) {
    fail(name, "cannot be written: it has " + std::to_string(size) +
                   " bytes, more than a file may have here: by the limit of the shell (ulimit -f), or by "
                   "the filesystem of the target");
  }

  void give_rights(const Descriptor& to, const FileStatus& status, std::uint32_t first_mode, TellLack tell) {
    FileStatus made;
    if (!knows_owner_of_new_ && platform::status_of(to, made) == 0) new_ones_are_of(made);
    give_owner(
        status, owner_of_new_, *us_,
        [&](auto user, auto group) { return platform::set_owner(to, user, group); }, tell);
    if (!umask_is_clear || first_mode != status.mode) give_mode(to, status, tell);
  }

  const CopyTask& task_;
  CopyDone done_;
  Descriptor from_, to_;
  const platform::Identity* us_ = nullptr;
  Owner owner_of_new_;
  bool knows_owner_of_new_ = false;
  bool locked_ = false;
  std::uint64_t temporaries_ = 0;
};

}  // namespace

std::uint32_t cleared_umask() { return umask_before; }

CopyStop::CopyStop(const std::function<bool()>& asked) : before_(stop_asked) {
  stop_asked = asked ? &asked : nullptr;
  stop_asked_in = platform::self_pid();
}
CopyStop::~CopyStop() { stop_asked = before_; }

CopyDone run_copy_task(CopyTask task) {
  // A worker forked meanwhile must not call the function of the process that set it.
  if (stop_asked != nullptr && stop_asked_in != platform::self_pid()) stop_asked = nullptr;
  std::optional<platform::NoSizeSignal> quiet;
  if (!umask_is_clear) quiet.emplace();  // otherwise prepare_copy_worker has done that
  return Copier(task).run();
}

}  // namespace detail

void prepare_copy_worker() {
  platform::ignore_size_signal();
  const auto before = platform::clear_umask();
  if (!std::exchange(detail::umask_is_clear, true)) detail::umask_before = before;
}

}  // namespace brood
