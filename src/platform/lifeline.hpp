#pragma once
// When a process vanishes for any reason, so do its descendants, busy or not, also the programs that they
// started.
//
// Only the process holds the write end of a pipe. Each descendant opens the read end anew (with a shared open
// file description only the last one to arm would be told), asks for SIGKILL to its whole process group when
// it changes, and keeps it over exec. What calls setsid() escapes.

#include "platform/child.hpp"
#include "platform/descriptor.hpp"

namespace brood::platform {

class Lifeline {
 public:
  /// Makes the pipe; the calling process is the one that matters. Throws OsError.
  static Lifeline create();

  /// The read end that came over exec under this number.
  static Lifeline inherited(int read_descriptor);
  explicit operator bool() const { return static_cast<bool>(read_); }

  /// In a child, which must be the leader of its process group: ties it to the process that created the line.
  /// False when that one has vanished already.
  bool arm();
  /// The same for a server: keeps the unarmed end too, for the children that it will clone.
  bool arm_server();

  /// The same for a server in a group that is not its own: the line ends this process alone.
  bool arm_alone();

  /// False when its descriptor was closed by other means: whoever does not notice would outlive its creator.
  bool is_intact() const;

  /// Waits until `process` has ended: true; or until the line's creator has vanished: false.
  bool outlives(const Descriptor& process) const;
  /// Ends everybody on a line whose creator has vanished, this process and its group included. The kernel has
  /// sent the signals when that happened; but three times in 120,000 deaths (of traced programs, Linux 6.18)
  /// they had not come, while the pipe was at its end and armed, and came when it was touched again. This
  /// does that.
  [[noreturn]] void cut() const;

  /// Gives up the write end: in every process but the creator.
  void drop_write_end() { write_.reset(); }
  /// The descriptors were closed by other means: their numbers are not ours any more.
  void abandon() {
    read_.release();
    write_.release();
    armed_.release();
    signals_ = false;
  }
  int read_descriptor() const { return read_.get(); }
  int armed_descriptor() const { return armed_.get(); }

 private:
  Descriptor open_anew() const;

  Descriptor read_, write_, armed_;
  bool signals_ = false;  // read_ is armed
};

}  // namespace brood::platform
