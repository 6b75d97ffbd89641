#include "platform/output.hpp"

#include <linux/kcmp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <brood/errors.hpp>
#include <cerrno>
#include <cstring>

namespace brood::platform {
namespace {

constexpr std::array<int, 2> numbers = {1, 2};

std::uint64_t inode_of(int descriptor) {
  struct stat file {};
  return fstat(descriptor, &file) == 0 ? file.st_ino : 0;
}

// Room for two descriptors.
union Attached {
  cmsghdr header;
  char bytes[CMSG_SPACE(2 * sizeof(int))];
};

}  // namespace

Output output() {
  Output now;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    struct stat file {};
    // Not through the C library, whose fstat makes a call that can also resolve a path.
    if (syscall(SYS_fstat, numbers[i], &file) != 0) continue;
    now.files[i] = {file.st_dev, file.st_ino, S_ISREG(file.st_mode) || S_ISBLK(file.st_mode)};
  }
  return now;
}

bool shares_offsets(const Output& ours, Pid self, Pid other) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!ours.files[i].has_offset) continue;
    if (syscall(SYS_kcmp, self, other, KCMP_FILE, numbers[i], numbers[i]) != 0) return false;
  }
  return true;
}

OutputBox OutputBox::create() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw OsError("socketpair for the output of child processes", errno);
  OutputBox box;
  box.reading_ = Descriptor(above_standard(ends[0]));
  box.writing_ = Descriptor(above_standard(ends[1]));
  if (!box.reading_ || !box.writing_) throw OsError("socketpair for the output of child processes", errno);
  box.inodes_ = {inode_of(box.reading_.get()), inode_of(box.writing_.get())};
  return box;
}

void OutputBox::put() {
  if (inode_of(reading_.get()) != inodes_[0] || inode_of(writing_.get()) != inodes_[1]) {
    throw OsError(
        "stdout and stderr have changed and cannot be passed to children, for the program has closed "
        "descriptors "
        "that it had not opened; call brood::renew_server() while there is one thread",
        EBADF);
  }
  Attached attached{};
  char open = 0;  // one bit for each open file
  int files[2];
  std::size_t n = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (inode_of(numbers[i]) == 0) continue;
    open = static_cast<char>(open | 1 << i);
    files[n++] = numbers[i];
  }
  iovec text{&open, 1};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  if (n > 0) {
    message.msg_control = attached.bytes;
    message.msg_controllen = CMSG_SPACE(n * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(n * sizeof(int));
    std::memcpy(CMSG_DATA(header), files, n * sizeof(int));
  }
  if (sendmsg(writing_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
    throw OsError("sendmsg of stdout and stderr to the fork server", errno);
  }
  // Only now: if memory had run out, readers would still find the previous files.
  char before;
  if (filled_) recv(reading_.get(), &before, 1, MSG_DONTWAIT);
  filled_ = true;
}

int OutputBox::look() const {
  Attached attached{};
  char open = 0;
  iovec text{&open, 1};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = attached.bytes;
  message.msg_controllen = sizeof attached.bytes;
  if (recvmsg(reading_.get(), &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
    return errno != 0 ? errno : EIO;
  int files[2] = {-1, -1};
  std::size_t n = 0;
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
    n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(files, CMSG_DATA(header), n * sizeof(int));
  }
  bool whole = (message.msg_flags & MSG_CTRUNC) == 0;
  // If one of the two numbers is free, recvmsg may have used it for the file that belongs to the other.
  for (std::size_t i = 0; i < n; ++i) {
    files[i] = above_standard(files[i]);
    whole = whole && files[i] >= 0;
  }
  std::size_t next = 0;
  for (std::size_t i = 0; whole && i < numbers.size(); ++i) {
    if ((open & 1 << i) != 0)
      dup2(files[next++], numbers[i]);
    else
      ::close(numbers[i]);
  }
  for (const int file : files) {
    if (file >= 0) ::close(file);
  }
  return whole ? 0 : EMFILE;
}

void OutputBox::close() {
  reading_.reset();
  writing_.reset();
  filled_ = false;
}

}  // namespace brood::platform
