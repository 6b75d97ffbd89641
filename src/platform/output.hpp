#pragma once
// stdout and stderr as they pass from one process to another.

#include <array>
#include <cstdint>

#include "platform/child.hpp"
#include "platform/descriptor.hpp"

namespace brood::platform {

/// Which files stdout and stderr are.
struct Output {
  struct File {
    std::uint64_t device = 0, inode = 0;  // 0: it is closed
    bool has_offset = false;              // so that the same file opened twice is not the same
    friend bool operator==(const File&, const File&) = default;
  };
  std::array<File, 2> files;
  friend bool operator==(const Output&, const Output&) = default;
};
Output output();
/// Of files with an offset: `other` has them by the same open as this process, `self`. False where the kernel
/// does not tell.
bool shares_offsets(const Output& ours, Pid self, Pid other);

/// Where one process leaves its stdout and stderr for others that were copied from it with the box. They look
/// without taking away, so that whoever of them is killed meanwhile, the next one finds them. What lies there
/// is open, also when nobody has it open otherwise.
class OutputBox {
 public:
  /// Throws OsError.
  static OutputBox create();

  /// Replaces what lies there by stdout and stderr of this process. Nobody may look meanwhile. Throws
  /// OsError, and then what lay there still does.
  void put();
  /// Makes what lies there stdout and stderr of this process. An errno value, 0 for none.
  int look() const;

  int reading_descriptor() const { return reading_.get(); }
  /// The other end was closed by other means: its number is not ours any more.
  void abandon_writing_end() { writing_.release(); }
  void close();

 private:
  Descriptor reading_, writing_;
  std::array<std::uint64_t, 2> inodes_{};  // of both, to know them again
  bool filled_ = false;
};

}  // namespace brood::platform
