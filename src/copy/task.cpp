// One task of a copy, wherever it runs.

#include <brood/copy.hpp>
#include <brood/detail/copy_task.hpp>
#include <string>

#include "copy/attributes.hpp"
#include "platform/file.hpp"

namespace brood {
namespace detail {
namespace {

using platform::Descriptor;
using platform::FileKind;
using platform::FileStatus;
using platform::Opened;

constexpr std::size_t entries_at_once = 128;
constexpr std::uint64_t big_size = 4 << 20;  // such files are worth a task of their own
constexpr std::size_t errors_told = 1000;

bool umask_is_clear = false;
std::uint32_t umask_before = 0;

struct Roots {
  CopyRoots names;
  Descriptor source, target;
  std::string error;
  platform::Identity us;
};

// Opened once in a process, for each copy.
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
    if (task_.list) list();
    for (const auto& entry : task_.entries) {
      if (!done_.fatal.empty()) break;
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

  // Of an entry, or with an empty name of the folder.
  std::string path_of(const std::string& name) const {
    const bool top = task_.folder.empty();
    return name.empty() ? (top ? "." : task_.folder) : (top ? name : task_.folder + "/" + name);
  }

  auto teller_for(const std::string& name) {
    return [this, &name](const char* attribute, bool expected, std::string why) {
      add_lack(done_.lacks, {attribute, expected, 1, path_of(name), std::move(why)});
    };
  }

  // A failure in the target: when it is full or gone there is no use to go on.
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
      return done_.fatal.empty();
    });
    if (error != 0) fail("", "cannot be listed to its end: " + platform::reason(error));
    if (!batch.empty()) done_.batches.push_back(std::move(batch));
    for (const auto& entry : now) {
      if (done_.fatal.empty()) copy_entry(entry);
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

  // With all rights for us until the end, when it gets those of the source.
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
    done_.subfolders.push_back(name);
  }

  void copy_entry(const CopyEntry& entry) {
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
    copy_file(entry.name, as, from.descriptor, status);
  }

  // What is there and no file or link is not ours to take away.
  bool may_replace(const std::string& name, const std::string& as) {
    FileStatus there;
    if (platform::status_in(to_, as, there) != 0) return true;  // gone meanwhile
    if (there.kind == FileKind::file || there.kind == FileKind::link) return true;
    fail(name, "cannot replace what is in the target: that is a " +
                   (there.kind == FileKind::folder ? std::string("folder") : word_for(there.kind)));
    return false;
  }

  void copy_symlink(const std::string& name, const std::string& as, const FileStatus& status) {
    int error = make_link(name, status, as);
    if (error == platform::already_there && !may_replace(name, as)) return;
    if (error == platform::already_there) {
      const auto temporary = temporary_name();
      error = make_link(name, status, temporary);
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

  static std::string temporary_name() { return ".brood-" + std::to_string(platform::random_number()); }

  // Whose new files in the target's folder are: ours, unless the folder hands on its group, as its setgid bit
  // says, or as its filesystem may be mounted to; then the first new file tells.
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

  // A new file is made under its own name and gets its times last: until then it has neither the source's
  // size nor its time. One that exists is replaced by temporary name and rename.
  void copy_file(const std::string& name, const std::string& as, const Descriptor& from,
                 const FileStatus& status) {
    const bool other_owner = !knows_owner_of_new_ || owner_will_change(status, owner_of_new_, *us_);
    // Never readable by more than at the source, not for an instant.
    const std::uint32_t first_mode = status.mode & (other_owner ? 0600 : 0777);
    std::string made = as;
    Opened to = platform::create_file(to_, made, first_mode);
    if (to.error == platform::already_there) {
      if (!may_replace(name, as)) return;
      made = temporary_name();
      to = platform::create_file(to_, made, first_mode);
    }
    if (!to.descriptor) return fail_writing(name, to.error);

    std::uint64_t copied = 0;
    const int error = platform::copy_content(from, to.descriptor, status.size, copied);
    FileStatus after;
    const bool changed =
        error == 0 && (platform::status_of(from, after) != 0 || after.size != status.size ||
                       after.modified != status.modified || (status.size != 0 && copied != status.size));
    if (error != 0 || changed) {
      platform::remove_in(to_, made);
      return changed ? fail(name, "changed while it was copied") : fail_writing(name, error);
    }
    const auto tell = teller_for(name);
    give_rights(to.descriptor, status, first_mode, tell);
    give_times(to.descriptor, status, tell);
    if (const int e = made != as ? platform::rename_in(to_, made, as) : 0) {
      platform::remove_in(to_, made);
      return fail_writing(name, e);
    }
    ++done_.files;
    done_.bytes += copied;
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
};

}  // namespace

std::uint32_t cleared_umask() { return umask_before; }

CopyDone run_copy_task(CopyTask task) { return Copier(task).run(); }

}  // namespace detail

void prepare_copy_worker() {
  const auto before = platform::clear_umask();
  if (!std::exchange(detail::umask_is_clear, true)) detail::umask_before = before;
}

}  // namespace brood
