#include "platform/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>
#include <thread>

namespace brood::platform {

static_assert(already_there == EEXIST && too_large == EFBIG && was_stopped == ECANCELED);

namespace {

Opened opened(int fd) { return fd >= 0 ? Opened{Descriptor(fd), 0} : Opened{Descriptor(), errno}; }

FileKind kind_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::file;
  if (S_ISDIR(mode)) return FileKind::folder;
  if (S_ISLNK(mode)) return FileKind::link;
  if (S_ISFIFO(mode)) return FileKind::fifo;
  if (S_ISSOCK(mode)) return FileKind::socket;
  if (S_ISBLK(mode) || S_ISCHR(mode)) return FileKind::device;
  return FileKind::unknown;
}

FileKind kind_of_entry(unsigned char type) {
  switch (type) {
    case DT_REG:
      return FileKind::file;
    case DT_DIR:
      return FileKind::folder;
    case DT_LNK:
      return FileKind::link;
    case DT_FIFO:
      return FileKind::fifo;
    case DT_SOCK:
      return FileKind::socket;
    case DT_BLK:
    case DT_CHR:
      return FileKind::device;
    default:
      return FileKind::unknown;
  }
}

FileStatus from_stat(const struct stat& st) {
  FileStatus s;
  s.kind = kind_of_mode(st.st_mode);
  s.device = st.st_dev;
  s.inode = st.st_ino;
  s.mode = st.st_mode & 07777;
  s.user = st.st_uid;
  s.group = st.st_gid;
  s.size = static_cast<std::uint64_t>(st.st_size);
  s.accessed = {st.st_atim.tv_sec, st.st_atim.tv_nsec};
  s.modified = {st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
  s.changed = {st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
  return s;
}

timespec to_timespec(FileTime t) {
  return {static_cast<time_t>(t.seconds), static_cast<long>(t.nanoseconds)};
}

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Opens a part of a path that is short enough for the kernel, below `at` and without symlinks.
Opened open_stretch(int at, const std::string& path) {
  open_how how{};
  how.flags = folder_flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long fd = syscall(SYS_openat2, at, path.c_str(), &how, sizeof how);
  if (fd >= 0 || errno != ENOSYS) return opened(static_cast<int>(fd));
  // An older kernel: go step by step.
  Descriptor here(fcntl(at, F_DUPFD_CLOEXEC, 3));
  for (std::size_t from = 0; from <= path.size() && here;) {
    const auto to = std::min(path.find('/', from), path.size());
    const auto step = path.substr(from, to - from);
    if (step == "..") return {Descriptor(), EXDEV};
    here = Descriptor(openat(here.get(), step.empty() ? "." : step.c_str(), folder_flags | O_NOFOLLOW));
    from = to + 1;
  }
  const int error = errno;
  return here ? Opened{std::move(here), 0} : Opened{Descriptor(), error};
}

}  // namespace

Opened open_root(const std::string& path) { return opened(open(path.c_str(), folder_flags)); }

Opened open_folder_below(const Descriptor& root, std::string_view path) {
  constexpr std::size_t longest = PATH_MAX - 256;
  Opened here = opened(fcntl(root.get(), F_DUPFD_CLOEXEC, 3));
  while (!path.empty() && here.descriptor) {
    auto n = path.size();
    if (n > longest) n = path.rfind('/', longest);
    here = open_stretch(here.descriptor.get(), std::string(path.substr(0, n)));
    path.remove_prefix(std::min(n + 1, path.size()));
  }
  return here;
}

int status_of(const Descriptor& descriptor, FileStatus& status) {
  struct stat st {};
  if (fstat(descriptor.get(), &st) != 0) return errno;
  status = from_stat(st);
  return 0;
}

int status_in(const Descriptor& folder, const std::string& name, FileStatus& status) {
  struct stat st {};
  if (fstatat(folder.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  status = from_stat(st);
  return 0;
}

int status_below(const Descriptor& root, std::string_view path, FileStatus& status) {
  if (path.empty()) return status_of(root, status);
  const auto slash = path.rfind('/');
  const auto parent = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  const auto folder = open_folder_below(root, parent);
  if (!folder.descriptor) return folder.error;
  return status_in(folder.descriptor, std::string(path.substr(slash + 1)), status);
}

int birth_in(const Descriptor& folder, const std::string& name, FileTime& birth) {
  struct statx st {};
  if (statx(folder.get(), name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) != 0) return errno;
  if ((st.stx_mask & STATX_BTIME) == 0) return ENOTSUP;
  birth = {st.stx_btime.tv_sec, st.stx_btime.tv_nsec};
  return 0;
}

int status_of_path(const std::string& path, FileStatus& status) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return errno;
  status = from_stat(st);
  return 0;
}

int list_folder(const Descriptor& folder, FunctionRef<bool(std::string_view, FileKind)> f) {
  // Opened separately, because reading moves the position of the descriptor.
  const int fd = openat(folder.get(), ".", folder_flags);
  if (fd < 0) return errno;
  DIR* stream = fdopendir(fd);
  if (stream == nullptr) {
    const int error = errno;
    close(fd);
    return error;
  }
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !f(name, kind_of_entry(entry->d_type))) break;
    errno = 0;
  }
  const int error = errno;
  closedir(stream);
  return error;
}

int make_folder(const Descriptor& in, const std::string& name, std::uint32_t mode) {
  return mkdirat(in.get(), name.c_str(), mode) == 0 ? 0 : errno;
}

int make_folders(const std::string& path, std::uint32_t mode, std::uint32_t last_mode) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    if (mkdir(path.substr(0, at).c_str(), mode) != 0 && errno != EEXIST) return errno;
  }
  return mkdir(path.c_str(), last_mode) == 0 || errno == EEXIST ? 0 : errno;
}

Opened open_file(const Descriptor& folder, const std::string& name) {
  return opened(openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

Opened create_file(const Descriptor& folder, const std::string& name, std::uint32_t mode) {
  return opened(
      openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
}

namespace {

// True for errors that mean this pair of files cannot be copied by this method. Any other error is real and
// must not lead to the next method, which might then read data that the kernel has lost.
bool try_another_way(int error) {
  return error == EBADF || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM ||
         error == ETXTBSY || error == EXDEV;
}

// Copies up to `size` bytes, or to the end if size is 0, because the file did not know its size.
int copy_by_hand(int from, int to, std::uint64_t size, std::uint64_t& copied, FunctionRef<bool()> stop) {
  alignas(4096) static thread_local std::array<char, 128 * 1024> buffer;
  while (size == 0 || copied < size) {
    const auto most = size == 0 ? buffer.size() : std::min<std::uint64_t>(buffer.size(), size - copied);
    const ssize_t n = read(from, buffer.data(), most);
    if (n == 0) return 0;
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    for (ssize_t done = 0; done < n;) {
      const ssize_t w = write(to, buffer.data() + done, static_cast<std::size_t>(n - done));
      if (w < 0 && errno != EINTR) return errno;
      if (w > 0) done += w;
    }
    copied += static_cast<std::uint64_t>(n);
    if (stop()) return was_stopped;
    // The file was empty when it was opened, and another process is filling it: copy as much as it has now.
    struct stat now {};
    if (size == 0 && fstat(from, &now) == 0 && now.st_size > 0)
      size = static_cast<std::uint64_t>(now.st_size);
  }
  return 0;
}

}  // namespace

int copy_content(const Descriptor& from, const Descriptor& to, std::uint64_t size, std::uint64_t& copied,
                 FunctionRef<bool()> stop) {
  constexpr std::uint64_t at_once = 256 << 20;
  copied = 0;
  while (copied < size) {
    if (copied > 0 && stop()) return was_stopped;
    const auto most = static_cast<std::size_t>(std::min(size - copied, at_once));
    const ssize_t n = copy_file_range(from.get(), nullptr, to.get(), nullptr, most, 0);
    if (n > 0) {
      copied += static_cast<std::uint64_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (copied > 0 || !try_another_way(errno))) return errno;
    // Not possible here, or no data where there should be some (procfs, some FUSE filesystems): copy by hand.
    return copy_by_hand(from.get(), to.get(), size, copied, stop);
  }
  // A file of size 0 may be a virtual one.
  return size == 0 ? copy_by_hand(from.get(), to.get(), 0, copied, stop) : 0;
}

int set_mode(const Descriptor& file, std::uint32_t mode) { return fchmod(file.get(), mode) == 0 ? 0 : errno; }

int set_owner(const Descriptor& file, std::uint32_t user, std::uint32_t group) {
  return fchown(file.get(), user, group) == 0 ? 0 : errno;
}

int set_times(const Descriptor& file, FileTime accessed, FileTime modified) {
  const timespec times[2] = {to_timespec(accessed), to_timespec(modified)};
  return futimens(file.get(), times) == 0 ? 0 : errno;
}

int copy_link(const Descriptor& from, const Descriptor& to, const std::string& name, const FileStatus& status,
              const std::string& as) {
  std::string target(static_cast<std::size_t>(status.size) + 256, 0);
  const ssize_t n = readlinkat(from.get(), name.c_str(), target.data(), target.size());
  if (n < 0) return errno;
  target.resize(static_cast<std::size_t>(n));
  return symlinkat(target.c_str(), to.get(), as.c_str()) == 0 ? 0 : errno;
}

int set_owner_in(const Descriptor& folder, const std::string& name, std::uint32_t user, std::uint32_t group) {
  return fchownat(folder.get(), name.c_str(), user, group, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

int set_times_in(const Descriptor& folder, const std::string& name, FileTime accessed, FileTime modified) {
  const timespec times[2] = {to_timespec(accessed), to_timespec(modified)};
  return utimensat(folder.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

int rename_in(const Descriptor& folder, const std::string& from, const std::string& to) {
  return renameat(folder.get(), from.c_str(), folder.get(), to.c_str()) == 0 ? 0 : errno;
}

int remove_in(const Descriptor& folder, const std::string& name) {
  return unlinkat(folder.get(), name.c_str(), 0) == 0 ? 0 : errno;
}

int remove_folder_in(const Descriptor& folder, const std::string& name) {
  return unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
}

namespace {

int remove_below(const Descriptor& folder, const std::string& name) {
  if (unlinkat(folder.get(), name.c_str(), 0) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;
  const Descriptor inside(openat(folder.get(), name.c_str(), folder_flags | O_NOFOLLOW));
  if (!inside) return errno;
  std::vector<std::string> names;
  if (const int error = list_folder(inside, [&](std::string_view entry, FileKind) {
        names.emplace_back(entry);
        return true;
      })) {
    return error;
  }
  for (const auto& entry : names) {
    if (const int error = remove_below(inside, entry)) return error;
  }
  return unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
}

}  // namespace

int remove_tree(const std::string& path) {
  std::string folder = path;
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  const auto slash = folder.rfind('/');
  const auto parent = slash == std::string::npos ? std::string(".")
                      : slash == 0               ? std::string("/")
                                                 : folder.substr(0, slash);
  const auto root = open_root(parent);
  return root.descriptor ? remove_below(root.descriptor, folder.substr(slash + 1)) : root.error;
}

std::uint32_t current_umask() {
  std::ifstream status("/proc/thread-self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Umask:"))
      return static_cast<std::uint32_t>(std::strtoul(line.c_str() + 6, nullptr, 8));
  }
  return 0777;  // unknown: every mode is then set explicitly
}

std::uint32_t clear_umask() { return umask(0); }

Identity own_identity() {
  Identity us{geteuid(), getegid(), {}, false};
  us.groups.resize(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  us.groups.resize(
      static_cast<std::size_t>(std::max(getgroups(static_cast<int>(us.groups.size()), us.groups.data()), 0)));
  us.groups.push_back(us.group);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> capabilities{};
  us.gives_away = us.user == 0 || (syscall(SYS_capget, &header, capabilities.data()) == 0 &&
                                   (capabilities[0].effective & (1U << CAP_CHOWN)) != 0);
  return us;
}

bool disk_is_full(int error) { return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO; }
std::string reason(int error) { return std::strerror(error); }

namespace {
// The birth time of a file without a name that is made there now.
std::optional<FileTime> birth_now(const Descriptor& folder) {
  const Descriptor nameless(openat(folder.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  struct statx st {};
  if (!nameless || statx(nameless.get(), "", AT_EMPTY_PATH, STATX_BTIME, &st) != 0) return {};
  if ((st.stx_mask & STATX_BTIME) == 0) return {};
  return FileTime{st.stx_btime.tv_sec, st.stx_btime.tv_nsec};
}
}  // namespace

// Birth times may have the resolution of a kernel tick, up to 10 ms.
FileTime file_clock(const Descriptor& folder) {
  constexpr int most_looks = 20;
  const auto first = birth_now(folder);
  for (int looks = 0; first && looks < most_looks; ++looks) {
    const auto now = birth_now(folder);
    if (!now || *now > *first) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (first) return *first;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, now.tv_nsec};
}

int lock_folder(const Descriptor& folder, Lock lock) {
  const int operation = lock == Lock::none ? LOCK_UN : lock == Lock::shared ? LOCK_SH : LOCK_EX;
  return flock(folder.get(), operation | LOCK_NB) == 0 ? 0 : errno;
}

void ignore_size_signal() { std::signal(SIGXFSZ, SIG_IGN); }

namespace {

sigset_t size_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGXFSZ);
  return set;
}

}  // namespace

NoSizeSignal::NoSizeSignal() {
  const sigset_t signal = size_signal();
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &signal, &before);
  was_blocked_ = sigismember(&before, SIGXFSZ) == 1;
}

NoSizeSignal::~NoSizeSignal() {
  if (was_blocked_) return;
  const sigset_t signal = size_signal();
  const timespec at_once{};
  sigset_t pending;
  if (sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1)
    sigtimedwait(&signal, nullptr, &at_once);
  pthread_sigmask(SIG_UNBLOCK, &signal, nullptr);
}

std::uint64_t random_number() {
  std::uint64_t n = 0;
  static_cast<void>(!getrandom(&n, sizeof n, 0));
  return n;
}

}  // namespace brood::platform
