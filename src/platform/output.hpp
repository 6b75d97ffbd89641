#pragma once
// Passing stdout and stderr from one process to another.

#include <array>
#include <cstdint>

#include "platform/child.hpp"
#include "platform/descriptor.hpp"

namespace brood::platform {

/// Which files stdout and stderr refer to.
struct Output {
  struct File {
    std::uint64_t device = 0, inode = 0;  // 0: closed
    bool has_offset = false;              // if so, two opens of the same file differ
    friend bool operator==(const File&, const File&) = default;
  };
  std::array<File, 2> files;
  friend bool operator==(const Output&, const Output&) = default;
};
Output output();
/// For files with an offset: true if `other` shares the open file descriptions of this process, `self`. False
/// if the kernel does not tell.
bool shares_offsets(const Output& ours, Pid self, Pid other);

/// A box in which one process puts its stdout and stderr for processes that were copied from it together with
/// the box. These look without removing the content, so that if one of them is killed the next still finds
/// it. The files in the box stay open, even if no process has them open otherwise.
class OutputBox {
 public:
  /// Throws OsError.
  static OutputBox create();

  /// Replaces the content by this process's stdout and stderr. No process may look during this. Throws
  /// OsError and then leaves the content unchanged.
  void put();
  /// Makes the content this process's stdout and stderr. Returns an errno value, 0 for none.
  int look() const;

  int reading_descriptor() const { return reading_.get(); }
  /// The other end was closed by other code: its number may now be another file's.
  void abandon_writing_end() { writing_.release(); }
  void close();

 private:
  Descriptor reading_, writing_;
  std::array<std::uint64_t, 2> inodes_{};  // of both, to recognise them
  bool filled_ = false;
};

}  // namespace brood::platform
