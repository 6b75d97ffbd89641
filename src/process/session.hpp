#pragma once
// This process: who it is, and what it has set up.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "platform/lifeline.hpp"
#include "platform/surroundings.hpp"
#include "process/control.hpp"

namespace brood::process {

class Child;

struct Session {
  enum class Kind { fresh, program, child, stranger };  // stranger: made by the user's own fork()
  std::atomic<Kind> kind{Kind::fresh};

  std::string name = "MainProcess";
  std::string path;  // "" in the program
  std::string parent_name;
  platform::Pid parent_pid = 0;
  platform::Pid pid = 0;
  bool daemon = false;
  bool is_worker = false;  // of a pool
  std::atomic<bool> being_born{false};
  std::atomic<int> own_threads{0};  // brood's own
  std::atomic<int> children_made{0};

  char** arguments = nullptr;          // of main, when init was given them
  platform::Lifeline line_above;       // ends this process with its parent
  platform::Lifeline lifeline;         // ends this process's children with it
  std::uint64_t descriptor_limit = 0;  // the soft limit before it was raised; children get it back
  std::uint64_t raised_limit = 0;      // what it was raised to; 0: it was not

  std::shared_ptr<Child> self;  // this process as an object, for current_process()
};

Session& session();

/// Throws UsageError in a process that may not use brood; sets up what init would have, at the first use
/// without it.
void require_member();
void require_not_stranger();
/// One thread, brood's own not counted.
bool has_one_thread();
/// The same, for a tenth of a second: a thread that has been joined is still counted for a moment.
bool comes_to_have_one_thread();
/// The same, after libraries that have threads of their own (OpenBLAS, since before main) were asked to put
/// them away, as their handlers of fork do.
bool put_threads_away();
/// When that was in vain: UsageError, which names the threads.
[[noreturn]] void refuse_threads(const std::string& what, const std::string& advice);

/// Arena, handlers: what does not need a server. Once in a process.
void set_up_program(const arena::Options& options);

/// Notices the user's own fork(): its child is a stranger.
void watch_forks();

/// Names this process, in a child, from what it was told.
struct Certificate;
void become(const Certificate& told);

/// What rooms above this one do at the turns of a process's life; set before main.
struct Hooks {
  void (*before_server)() = nullptr;              // map what its children shall inherit
  void (*in_server)() = nullptr;                  // its descriptors have been closed
  void (*in_child)(std::int32_t lane) = nullptr;  // a new process that is to keep this lane, or none (-1)
  std::string (*tell_origin)() = nullptr;  // of the exception being handled, where it came out of a task
  void (*before_end)() = nullptr;          // the process ends normally, its children still live
};
Hooks& hooks();

/// Ends the children, flushes. Once, behind all handlers of at_exit.
void finish();
void add_exit_handler(std::function<void()> handler);

}  // namespace brood::process
