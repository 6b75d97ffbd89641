#pragma once
// Anonymous memory that processes share. Nothing has a name; nothing is left behind.

#include <cstddef>
#include <cstdint>

#include "platform/descriptor.hpp"

namespace brood::platform {

/// A sparse piece of shared memory, mapped whole, inherited by fork and clone. Pages must be reserved before
/// they are touched: an unreserved one may raise SIGBUS when memory is short. Nothing of it can be accessed
/// before it is opened: mlockall, valgrind and others that go through all mappings would make every page of
/// it.
class SharedRegion {
 public:
  SharedRegion() = default;
  /// Throws OsError naming the size.
  static SharedRegion create(const char* what, std::size_t size);
  /// Maps a region that another process made, whole or the part that begins at `offset`.
  static SharedRegion attach(Descriptor memory, std::size_t offset = 0, std::size_t size = 0);
  SharedRegion(SharedRegion&& other) noexcept;
  SharedRegion& operator=(SharedRegion&& other) noexcept;
  ~SharedRegion();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  int descriptor() const { return memory_.get(); }

  /// Makes pages of [offset, offset + n) real. 0, or the reason (an errno value); nothing is thrown, for this
  /// also runs where there is no memory to throw with.
  [[nodiscard]] int reserve(std::size_t offset, std::size_t n) const;
  /// Pages of [offset, offset + n) can be accessed by this process, and by those that it makes later. 0, or
  /// an errno value.
  [[nodiscard]] int open(std::size_t offset, std::size_t n) const;
  /// Gives the pages back to the system; they read as unreserved zeros.
  void release(std::size_t offset, std::size_t n) const;
  /// Unmaps all but [offset, offset + n), and keeps that from the children of this process.
  void keep_only(std::size_t offset, std::size_t n);
  /// The mapping stays; nothing more can be reserved or released.
  void close_descriptor() { memory_.reset(); }
  /// The descriptor was closed by other means: its number is not ours any more.
  void abandon_descriptor() { memory_.release(); }
  /// Unmaps everything and closes the memory; for a process that must not see it.
  void forget();

 private:
  bool is_intact() const;

  Descriptor memory_;
  std::uint64_t inode_ =
      0;  // of the memory: the number of a descriptor that others closed may be another file's
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// What this process may use: physical memory, RLIMIT_AS. What is left under a memory cgroup:
/// memory_group.hpp.
std::uint64_t physical_memory();
std::uint64_t address_space_limit();  // max() when unlimited
std::uint64_t file_size_limit();      // RLIMIT_FSIZE, which counts for shared memory too

/// Sets how many bytes this process may have as data (RLIMIT_DATA): heap and private mappings. Returns what
/// it was.
std::uint64_t limit_data(std::uint64_t bytes);
/// Bytes of real memory that this process holds now. Some microseconds.
std::uint64_t resident_memory();

inline constexpr std::size_t page_size = 4096;

/// Makes all pages of [at, at + n) present in one step, for memory that is about to be used as a whole: one
/// by one, at the first touch of each, they cost several times as much, and where a fault leaves a virtual
/// machine fifteen times. Where the system cannot, or has no memory, nothing happens: they come one by one.
void make_present(void* at, std::size_t n);

/// Zeroed private memory for very many small things: in pages of 2 MiB where the system has some, which come
/// at the first touch of each. `n` is rounded up to such. Throws std::bad_alloc.
std::byte* map_large(std::size_t n);
void unmap_large(std::byte* at, std::size_t n);
inline constexpr std::size_t large_page_size = 2 * 1024 * 1024;

}  // namespace brood::platform
