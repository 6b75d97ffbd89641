#include "platform/memory.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <brood/errors.hpp>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "platform/memory_group.hpp"

namespace brood::platform {

int above_standard(int descriptor) {
  if (descriptor < 0 || descriptor > 2) return descriptor;
  const int higher = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  const int error = errno;
  close(descriptor);
  errno = error;
  return higher;
}

void Descriptor::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

namespace {

std::byte* map(int memory, std::size_t offset, std::size_t size) {
  void* at = mmap(nullptr, size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, memory, static_cast<off_t>(offset));
  if (at == MAP_FAILED) throw OsError("mmap of " + std::to_string(size) + " bytes of shared memory", errno);
  // A core dump of a sparse region would allocate all its pages.
  madvise(at, size, MADV_DONTDUMP);
  return static_cast<std::byte*>(at);
}

}  // namespace

SharedRegion SharedRegion::create(const char* what, std::size_t size) {
  // Beyond the limit, ftruncate would not only fail: a signal would end the program.
  if (size > file_size_limit()) {
    throw OsError("ftruncate of the " + std::string(what) + " to " + std::to_string(size) +
                      " bytes (RLIMIT_FSIZE, ulimit -f, allows " + std::to_string(file_size_limit()) + ")",
                  EFBIG);
  }
  SharedRegion region;
  region.memory_ = Descriptor(above_standard(memfd_create(what, MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!region.memory_) throw OsError(std::string("memfd_create for the ") + what, errno);
  if (ftruncate(region.memory_.get(), static_cast<off_t>(size)) != 0) {
    throw OsError("ftruncate of the " + std::string(what) + " to " + std::to_string(size) + " bytes", errno);
  }
  // No process can shrink the region under a mapping, so that cause of SIGBUS is excluded.
  fcntl(region.memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  struct stat st {};
  if (fstat(region.memory_.get(), &st) == 0) region.inode_ = st.st_ino;
  region.data_ = map(region.memory_.get(), 0, size);
  region.size_ = size;
  return region;
}

SharedRegion SharedRegion::attach(Descriptor memory, std::size_t offset, std::size_t size) {
  struct stat st {};
  if (fstat(memory.get(), &st) != 0) throw OsError("fstat of inherited shared memory", errno);
  if (size == 0) size = static_cast<std::size_t>(st.st_size) - offset;
  SharedRegion region;
  region.memory_ = std::move(memory);
  region.inode_ = st.st_ino;
  region.data_ = map(region.memory_.get(), offset, size);
  region.size_ = size;
  return region;
}

SharedRegion::SharedRegion(SharedRegion&& other) noexcept
    : memory_(std::move(other.memory_)),
      inode_(other.inode_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedRegion& SharedRegion::operator=(SharedRegion&& other) noexcept {
  if (this != &other) {
    forget();
    memory_ = std::move(other.memory_);
    inode_ = other.inode_;
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

SharedRegion::~SharedRegion() { forget(); }

// A program may close all descriptors and then open files of its own. The memory files of one kernel have
// unique inode numbers; a file elsewhere with the same number is not a memory file or has another size.
bool SharedRegion::is_intact() const {
  struct stat st {};
  return fstat(memory_.get(), &st) == 0 && st.st_ino == inode_ && st.st_nlink == 0 &&
         st.st_size >= static_cast<off_t>(size_);
}

int SharedRegion::reserve(std::size_t offset, std::size_t n) const {
  // In a memory cgroup, fallocate does not fail: the process is killed. So ask first.
  if (n > cgroup_memory_left()) return ENOMEM;
  if (!is_intact()) {  // then through the mapping, since Linux 5.14
    if (const int error = open(offset, n)) return error;
    if (madvise(data_ + offset / page_size * page_size, n + offset % page_size, MADV_POPULATE_WRITE) == 0)
      return 0;
    return errno == EFAULT ? ENOMEM : errno;
  }
  int rc = 0;
  do {
    rc = fallocate(memory_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(n));
  } while (rc != 0 && errno == EINTR);
  return rc == 0 ? 0 : errno;
}

int SharedRegion::open(std::size_t offset, std::size_t n) const {
  const auto begin = offset / page_size * page_size;
  return mprotect(data_ + begin, offset + n - begin, PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
}

void SharedRegion::release(std::size_t offset, std::size_t n) const {
  if (!is_intact()) {
    madvise(data_ + offset, n, MADV_REMOVE);
    return;
  }
  fallocate(memory_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
            static_cast<off_t>(n));
}

void SharedRegion::keep_only(std::size_t offset, std::size_t n) {
  if (offset > 0) munmap(data_, offset);
  if (offset + n < size_) munmap(data_ + offset + n, size_ - offset - n);
  if (n > 0) madvise(data_ + offset, n, MADV_DONTFORK);
  memory_.reset();
  data_ += offset;
  size_ = n;
}

void SharedRegion::forget() {
  if (data_ != nullptr && size_ != 0) munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
  memory_.reset();
}

// MADV_POPULATE_WRITE exists since Linux 5.14; before that, nothing happens.
void make_present(void* at, std::size_t n) {
  const auto begin = reinterpret_cast<std::uintptr_t>(at) / page_size * page_size;
  const auto end = (reinterpret_cast<std::uintptr_t>(at) + n + page_size - 1) / page_size * page_size;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
}

namespace {
std::size_t whole_pages(std::size_t n) {
  return (n + large_page_size - 1) / large_page_size * large_page_size;
}
}  // namespace

std::byte* map_large(std::size_t n) {
  n = whole_pages(n);
  const std::size_t room = n + large_page_size;  // the part that begins at a large page is used
  void* const at = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(at);
  const std::size_t before = large_page_size - reinterpret_cast<std::uintptr_t>(at) % large_page_size;
  munmap(begin, before);
  if (before != large_page_size) munmap(begin + before + n, large_page_size - before);
  madvise(begin + before, n, MADV_HUGEPAGE);
  return begin + before;
}
void unmap_large(std::byte* at, std::size_t n) { munmap(at, whole_pages(n)); }

std::uint64_t physical_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t address_space_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  return limit.rlim_cur;
}

std::uint64_t file_size_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  return limit.rlim_cur;
}

std::uint64_t limit_data(std::uint64_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_DATA, &limit);
  const auto before = limit.rlim_cur;
  limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
  setrlimit(RLIMIT_DATA, &limit);
  return before;
}

std::uint64_t resident_memory() {
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[128]{};
  const auto n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return 0;
  char* second = nullptr;
  std::strtoull(text, &second, 10);
  return std::strtoull(second, nullptr, 10) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace brood::platform
