#pragma once
// Anonymous memory that processes share. It has no name and leaves nothing behind.

#include <cstddef>
#include <cstdint>

#include "platform/descriptor.hpp"

namespace brood::platform {

/// A sparse region of shared memory, mapped as a whole, inherited by fork and clone. Pages must be reserved
/// before they are touched: an unreserved one may raise SIGBUS if memory is short. No page is accessible
/// before it is opened, because mlockall, valgrind and other code that goes through all mappings would
/// otherwise allocate every page.
class SharedRegion {
 public:
  SharedRegion() = default;
  /// Throws OsError, which names the size.
  static SharedRegion create(const char* what, std::size_t size);
  /// Maps a region that another process made: the whole region, or the part that begins at `offset`.
  static SharedRegion attach(Descriptor memory, std::size_t offset = 0, std::size_t size = 0);
  SharedRegion(SharedRegion&& other) noexcept;
  SharedRegion& operator=(SharedRegion&& other) noexcept;
  ~SharedRegion();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  int descriptor() const { return memory_.get(); }

  /// Allocates the pages of [offset, offset + n). Returns 0 or an errno value; does not throw, because it
  /// also runs if there is no memory for an exception.
  [[nodiscard]] int reserve(std::size_t offset, std::size_t n) const;
  /// Makes the pages of [offset, offset + n) accessible to this process, and to those that it makes later.
  /// Returns 0 or an errno value.
  [[nodiscard]] int open(std::size_t offset, std::size_t n) const;
  /// Returns the pages to the system; they then read as unreserved zeros.
  void release(std::size_t offset, std::size_t n) const;
  /// Unmaps all but [offset, offset + n), and hides the rest from the children of this process.
  void keep_only(std::size_t offset, std::size_t n);
  /// The mapping stays, but nothing more can be reserved or released.
  void close_descriptor() { memory_.reset(); }
  /// The descriptor was closed by other code: its number may now be another file's.
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

/// Upper bounds for this process: physical memory, RLIMIT_AS. For what is left under a memory cgroup, see
/// memory_group.hpp.
std::uint64_t physical_memory();
std::uint64_t address_space_limit();  // max() if unlimited
std::uint64_t file_size_limit();      // RLIMIT_FSIZE, which applies to shared memory too

/// Sets RLIMIT_DATA, the most bytes of heap and private mappings of this process. Returns the former limit.
std::uint64_t limit_data(std::uint64_t bytes);
/// The real memory of this process now, in bytes. Takes some microseconds.
std::uint64_t resident_memory();

inline constexpr std::size_t page_size = 4096;

/// Makes all pages of [at, at + n) present in one step, for memory that is about to be used as a whole. Page
/// by page, at first touch, the faults cost several times as much, and fifteen times if a fault leaves a
/// virtual machine. If the system cannot do this, or has no memory, nothing happens: the pages are made at
/// first touch.
void make_present(void* at, std::size_t n);

/// Zeroed private memory for very many small objects: in pages of 2 MiB if the system has some, allocated at
/// first touch. `n` is rounded up to such pages. Throws std::bad_alloc.
std::byte* map_large(std::size_t n);
void unmap_large(std::byte* at, std::size_t n);
inline constexpr std::size_t large_page_size = 2 * 1024 * 1024;

}  // namespace brood::platform
