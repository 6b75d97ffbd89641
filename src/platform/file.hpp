#pragma once
// Files and folders by name below an opened folder, never through a symlink, never above it. Names are bytes.
// Failures that belong to one entry are return values (an errno value, 0 for none): a copier goes on.

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"
#include "platform/descriptor.hpp"

namespace brood::platform {

enum class FileKind : std::uint8_t { file, folder, link, fifo, socket, device, unknown };

struct FileTime {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  friend auto operator<=>(const FileTime&, const FileTime&) = default;
};

struct FileStatus {
  FileKind kind = FileKind::unknown;
  std::uint64_t device = 0, inode = 0;
  std::uint32_t mode = 0;  // permission bits, with setuid, setgid and sticky
  std::uint32_t user = 0, group = 0;
  std::uint64_t size = 0;
  FileTime accessed, modified, changed;
};

/// Outcome of an open: a descriptor, or why not.
struct Opened {
  Descriptor descriptor;
  int error = 0;
};

/// A folder by any path, following symlinks: for the two roots that a person names.
Opened open_root(const std::string& path);
/// The folder `path` ("a/b/c", "" for the root itself) below `root`, each step a real folder. Works for paths
/// longer than PATH_MAX.
Opened open_folder_below(const Descriptor& root, std::string_view path);

int status_of(const Descriptor& descriptor, FileStatus& status);
int status_in(const Descriptor& folder, const std::string& name, FileStatus& status);
/// As status_in, of an entry at a path below `root`, which may be longer than PATH_MAX; "" is the root
/// itself.
int status_below(const Descriptor& root, std::string_view path, FileStatus& status);
/// When the entry was made. An error where the filesystem does not tell.
int birth_in(const Descriptor& folder, const std::string& name, FileTime& birth);
/// Follows symlinks; for paths that a person names.
int status_of_path(const std::string& path, FileStatus& status);

/// Calls f for each entry but . and .., until it returns false.
int list_folder(const Descriptor& folder, FunctionRef<bool(std::string_view name, FileKind kind)> f);

int make_folder(const Descriptor& in, const std::string& name, std::uint32_t mode);
int make_folders(const std::string& path, std::uint32_t mode, std::uint32_t last_mode);  // as mkdir -p
/// Opens for reading; not through a symlink, and without waiting for a FIFO's writer.
Opened open_file(const Descriptor& folder, const std::string& name);
/// Makes a new file; EEXIST when there is something of that name.
Opened create_file(const Descriptor& folder, const std::string& name, std::uint32_t mode);

/// Copies what the source has; `size`: what it said it has, and what is added later is left. `copied`: how
/// much. `stop` is asked again and again, for large files; then the error is `was_stopped`.
int copy_content(const Descriptor& from, const Descriptor& to, std::uint64_t size, std::uint64_t& copied,
                 FunctionRef<bool()> stop);
inline constexpr int was_stopped = 125;  // ECANCELED
int set_mode(const Descriptor& file, std::uint32_t mode);
int set_owner(const Descriptor& file, std::uint32_t user, std::uint32_t group);
int set_times(const Descriptor& file, FileTime accessed, FileTime modified);
/// The same for an entry by name, which may be a symlink.
int set_owner_in(const Descriptor& folder, const std::string& name, std::uint32_t user, std::uint32_t group);
int set_times_in(const Descriptor& folder, const std::string& name, FileTime accessed, FileTime modified);
/// As a user or group of set_owner: it stays as it is.
inline constexpr std::uint32_t no_change = 0xffffffff;
/// Makes the symlink `as`, which says what `name` says.
int copy_link(const Descriptor& from, const Descriptor& to, const std::string& name, const FileStatus& status,
              const std::string& as);
int rename_in(const Descriptor& folder, const std::string& from, const std::string& to);
int remove_in(const Descriptor& folder, const std::string& name);
int remove_folder_in(const Descriptor& folder, const std::string& name);  // an empty one
/// Removes a folder and all in it; symlinks are removed, not followed.
int remove_tree(const std::string& path);

/// umask as it is, read without changing it.
std::uint32_t current_umask();
std::uint32_t clear_umask();  // as it was before
/// Whose new files are, and what else this process may make of them.
struct Identity {
  std::uint32_t user = 0, group = 0;
  std::vector<std::uint32_t> groups;  // all that it is in
  bool gives_away = false;            // may set any owner: root, or whoever has CAP_CHOWN
};
Identity own_identity();
bool disk_is_full(int error);             // ENOSPC, EDQUOT, EROFS, EIO: no use to go on
std::string reason(int error);            // "Permission denied"
inline constexpr int already_there = 17;  // EEXIST
inline constexpr int too_large = 27;      // EFBIG
std::uint64_t random_number();
/// The time of birth of a file that is made in the folder now, by the clock of its filesystem, which may be
/// another machine's. What was there before is not younger, and what is made after this has returned is
/// younger: it waits for the clock's next step, some milliseconds.
FileTime file_clock(const Descriptor& folder);

enum class Lock : std::uint8_t { none, shared, exclusive };
/// Between processes, until it is closed; does not wait.
int lock_folder(const Descriptor& folder, Lock lock);

/// From now on a file that grows beyond the limit of this process (RLIMIT_FSIZE) is an error, EFBIG, and no
/// signal: for the whole process.
void ignore_size_signal();
/// The same for this thread and a while, whatever the program does about SIGXFSZ.
class NoSizeSignal {
 public:
  NoSizeSignal();
  ~NoSizeSignal();
  NoSizeSignal(const NoSizeSignal&) = delete;
  NoSizeSignal& operator=(const NoSizeSignal&) = delete;

 private:
  bool was_blocked_ = false;
};

}  // namespace brood::platform
