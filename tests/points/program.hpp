#pragma once
// The program under test, as the stepper sees it: started by exec, obeys orders, may be lost.

#include <sys/types.h>

#include <chrono>
#include <string>

namespace points {

class Program {
 public:
  /// `scenario`: the one that it runs at each order.
  explicit Program(const std::string& scenario, std::chrono::milliseconds patience);
  /// Kills what is left of it.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  /// It has ended, and has been reaped.
  bool ended();
  /// Tells it to end normally, and waits. Empty, or what is wrong.
  std::string end();
  /// It is dead: waits until all its descendants are. Empty, or who is left.
  std::string await_nobody();

 private:
  bool reap();

  std::chrono::milliseconds patience_;
  pid_t pid_ = 0;
  bool ended_ = false;
  int status_ = 0;
};

/// Makes the page; in the stepper, once.
void make_stage();
/// In the program: the page that the stepper named on the command line.
void enter_stage(int descriptor);
/// This process becomes the parent of orphans among its descendants.
void adopt_orphans();
/// What the descendants of this process are doing.
std::string describe_descendants();

}  // namespace points
