#pragma once
// This process: its identity, and what it has set up.

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

  char** arguments = nullptr;          // of main, if init was given them
  platform::Lifeline line_above;       // ends this process when its parent ends
  platform::Lifeline lifeline;         // ends this process's children when it ends
  std::uint64_t descriptor_limit = 0;  // the soft limit before it was raised; children get it back
  std::uint64_t raised_limit = 0;      // what it was raised to; 0: it was not

  std::shared_ptr<Child> self;  // this process as an object, for current_process()
};

Session& session();

/// Throws UsageError in a process that may not use brood. At the first use without init, sets up what init
/// would have.
void require_member();
void require_not_stranger();
/// True if this process has one thread, not counting brood's own.
bool has_one_thread();
/// As has_one_thread, but waits up to a tenth of a second: a thread that was joined is still counted briefly.
bool comes_to_have_one_thread();
/// As comes_to_have_one_thread, after asking libraries that have had threads since before main (OpenBLAS) to
/// end them, as their fork handlers do.
bool put_threads_away();
/// Throws the UsageError for threads that are still there, and names them.
[[noreturn]] void refuse_threads(const std::string& what, const std::string& advice);

/// Makes the arena, handlers and the fork server. Once in a process.
void set_up_program(const arena::Options& options);

/// Makes this process notice the user's own fork(), whose child is a stranger.
void watch_forks();

/// Gives this process, a child, its identity from the certificate.
struct Certificate;
void become(const Certificate& told);

/// What rooms above this one do at the stages of a process's life; set before main.
struct Hooks {
  void (*before_server)() = nullptr;              // maps what children of the server inherit
  void (*in_server)() = nullptr;                  // its descriptors have been closed
  void (*in_child)(std::int32_t lane) = nullptr;  // a new process that keeps this lane, or none (-1)
  std::string (*tell_origin)() = nullptr;  // origin of the exception being handled, if it came out of a task
  void (*before_end)() = nullptr;          // the process ends normally; its children are still alive
};
Hooks& hooks();

/// Ends the children and flushes output. Once, after all handlers of at_exit.
void finish();
void add_exit_handler(std::function<void()> handler);

}  // namespace brood::process
