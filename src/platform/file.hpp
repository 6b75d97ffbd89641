#pragma once
// Files and folders by name below an open folder, never through a symlink, never above it. Names are bytes.
// Failures of a single entry are return values (an errno value, 0 for none), so that a copier can go on.

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

/// The outcome of an open: a descriptor or an errno value.
struct Opened {
  Descriptor descriptor;
  int error = 0;
};

/// Opens a folder by any path, following symlinks: for the two roots that the user names.
Opened open_root(const std::string& path);
/// Opens the folder `path` ("a/b/c", "" for the root itself) below `root`; each step must be a real folder.
/// Works for paths longer than PATH_MAX.
Opened open_folder_below(const Descriptor& root, std::string_view path);

int status_of(const Descriptor& descriptor, FileStatus& status);
int status_in(const Descriptor& folder, const std::string& name, FileStatus& status);
/// As status_in, for an entry at a path below `root`, which may be longer than PATH_MAX; "" is the root
/// itself.
int status_below(const Descriptor& root, std::string_view path, FileStatus& status);
/// The time at which the entry was made. An error if the filesystem does not record it.
int birth_in(const Descriptor& folder, const std::string& name, FileTime& birth);
/// Follows symlinks; for paths that the user names.
int status_of_path(const std::string& path, FileStatus& status);

/// Calls f for each entry except . and .., until f returns false.
int list_folder(const Descriptor& folder, FunctionRef<bool(std::string_view name, FileKind kind)> f);

int make_folder(const Descriptor& in, const std::string& name, std::uint32_t mode);
int make_folders(const std::string& path, std::uint32_t mode, std::uint32_t last_mode);  // as mkdir -p
/// Opens for reading; not through a symlink, and without waiting for a FIFO's writer.
Opened open_file(const Descriptor& folder, const std::string& name);
/// Makes a new file; EEXIST if the name is taken.
Opened create_file(const Descriptor& folder, const std::string& name, std::uint32_t mode);

/// Copies the source's content. `size`: the size that the source had; data added later is left out. `copied`:
/// how much was copied. Large files call `stop` repeatedly; if it returns true, the error is `was_stopped`.
int copy_content(const Descriptor& from, const Descriptor& to, std::uint64_t size, std::uint64_t& copied,
                 FunctionRef<bool()> stop);
inline constexpr int was_stopped = 125;  // ECANCELED
int set_mode(const Descriptor& file, std::uint32_t mode);
int set_owner(const Descriptor& file, std::uint32_t user, std::uint32_t group);
int set_times(const Descriptor& file, FileTime accessed, FileTime modified);
/// The same for an entry by name, which may be a symlink.
int set_owner_in(const Descriptor& folder, const std::string& name, std::uint32_t user, std::uint32_t group);
int set_times_in(const Descriptor& folder, const std::string& name, FileTime accessed, FileTime modified);
/// As a user or group of set_owner: leave it unchanged.
inline constexpr std::uint32_t no_change = 0xffffffff;
/// Makes a symlink `as` with the same target as the symlink `name`.
int copy_link(const Descriptor& from, const Descriptor& to, const std::string& name, const FileStatus& status,
              const std::string& as);
int rename_in(const Descriptor& folder, const std::string& from, const std::string& to);
int remove_in(const Descriptor& folder, const std::string& name);
int remove_folder_in(const Descriptor& folder, const std::string& name);  // which must be empty
/// Removes a folder and everything in it; removes symlinks and does not follow them.
int remove_tree(const std::string& path);

/// umask as it is, read without changing it.
std::uint32_t current_umask();
std::uint32_t clear_umask();  // returns the former umask
/// The owner of new files, and which owners this process may give them.
struct Identity {
  std::uint32_t user = 0, group = 0;
  std::vector<std::uint32_t> groups;  // all groups of the process
  bool gives_away = false;            // may set any owner: root, or a process with CAP_CHOWN
};
Identity own_identity();
bool disk_is_full(int error);             // ENOSPC, EDQUOT, EROFS, EIO: pointless to go on
std::string reason(int error);            // "Permission denied"
inline constexpr int already_there = 17;  // EEXIST
inline constexpr int too_large = 27;      // EFBIG
std::uint64_t random_number();
/// The birth time of a file that is made in the folder now, by the clock of its filesystem, which may be
/// another machine's. Files that existed before are not younger. Files made after the return are younger,
/// because this waits for the clock's next step, some milliseconds.
FileTime file_clock(const Descriptor& folder);

enum class Lock : std::uint8_t { none, shared, exclusive };
/// Locks the folder against other processes until it is closed; does not wait.
int lock_folder(const Descriptor& folder, Lock lock);

/// From now on, in the whole process, a file that grows beyond RLIMIT_FSIZE causes the error EFBIG and no
/// signal.
void ignore_size_signal();
/// While this exists, the same holds for this thread, whatever the program does about SIGXFSZ.
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
