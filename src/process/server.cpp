// The server's side: from its birth to its end. One thread, no allocation per request, all signals blocked.
//
// A kill at any instruction loses nothing. The kernel itself stores the pid of a clone in the request, and
// the standby, which polls the server's pidfd, finishes what the server began: a request with a pid only
// needs its `done`; for a request without one, the child is cloned now.

#include "process/server.hpp"

#include <chrono>
#include <cstring>
#include <string>

#include "base/planted.hpp"
#include "platform/crash.hpp"
#include "process/session.hpp"
#include "process/spawn.hpp"
#include "process/terminal.hpp"

namespace brood::process {
namespace {

void answer(Request& request) {
  request.done.store(1);
  platform::unpark_all(request.done);
}

void fail_birth(Request& request, const std::string& reason) {
  note_failure(request, reason);
  platform::unpark_all(request.born);
}

// Makes a child of the server's own: if the kernel refuses to make it the program's child, and for spawn,
// since exec would make it visible to the program's waitpid(-1).
void make_relayed(Control& control, Request& request) {
  platform::count_child_ends(control.bell);
  request.keeper.store(static_cast<std::uint32_t>(platform::self_pid()));
  platform::Pid pid = platform::raw_clone(platform::Parent::caller_with_signal, &request.pid);
  if (pid < 0 && platform::clone_was_refused(-pid)) pid = platform::library_fork(&request.pid);
  if (pid < 0) {
    request.keeper.store(0);
    request.error.store(static_cast<std::uint32_t>(-pid));
  }
  if (pid != 0) return answer(request);
  if (request.method != static_cast<std::uint32_t>(StartMethod::spawn)) be_born(control, request);
  const auto reason = re_execute(request);
  fail_birth(request, reason);
  platform::exit_now(127);
}

void make(Control& control, Request& request) {
  if (request.method == static_cast<std::uint32_t>(StartMethod::spawn)) return make_relayed(control, request);
  Word nowhere;
  const bool late = planted("pid_told_by_the_server");
  const platform::Pid pid =
      platform::raw_clone(platform::Parent::callers_parent, late ? &nowhere : &request.pid);
  if (pid == 0) be_born(control, request);
  if (late) request.pid.store(static_cast<std::uint32_t>(pid));
  if (pid > 0) return answer(request);
  if (platform::clone_was_refused(-pid)) return make_relayed(control, request);
  request.error.store(static_cast<std::uint32_t>(-pid));
  answer(request);
}

// Passes on how a relayed child ended, but only once the program has its pidfd: until then the pid must not
// be reused.
void relay(Request& request) {
  if (request.ended.load() != 0 || request.opened.load() == 0) return;
  const auto ended = platform::reap(static_cast<platform::Pid>(request.pid.load()));
  if (!ended) return look_at_stopped(static_cast<platform::Pid>(request.pid.load()));
  request.how = static_cast<std::uint32_t>(ended->how);
  request.value = ended->value;
  // release: a program that sees `ended` sees how and value.
  request.ended.store(1, std::memory_order_release);
  platform::unpark_all(request.ended);
}

// Takes the program's stdout and stderr if the program has changed them. False: the request has failed.
bool take_output(Control& control, Request& request, std::uint32_t& taken) {
  const auto newest = control.output.load();
  if (taken == newest) return true;
  if (const int error = server_link().output_box().look()) {
    request.error.store(Request::no_output | static_cast<std::uint32_t>(error));
    answer(request);
    return false;
  }
  taken = newest;
  return true;
}

void look_at_requests(Control& control, std::uint32_t& output) {
  const auto me = static_cast<std::uint32_t>(platform::self_pid());
  for (auto& request : control.requests) {
    if (request.posted.load(std::memory_order_acquire) == 0) continue;
    if (request.done.load() == 0) {
      if (request.pid.load() != 0) {
        answer(request);  // a server was killed between the clone and the answer
      } else if (take_output(control, request, output)) {
        make(control, request);
      }
    } else if (request.keeper.load() == me) {
      relay(request);
    }
  }
}

// Notes the pid for the program to reap. One writer at a time: the server or its successor. Null if no word
// is free.
Word* note_former(Control& control, std::uint32_t pid) {
  for (auto& former : control.former) {
    if (former.load() != 0) continue;
    former.store(pid);
    return &former;
  }
  return nullptr;
}

// Like Lifeline::outlives. On a terminal, the standby also hands the terminal out while it waits.
bool watch_over(const platform::Descriptor& server) {
  auto& line = session().lifeline;
  if (session().kind == Session::Kind::child || !beside_terminal()) return line.outlives(server);
  const bool outlived = keep_terminal(server);
  // The standby was in the program's group, which brood must not kill.
  platform::lead_group();
  return outlived && line.arm_server();
}

// Sleeps until the server has died, then becomes the server. Until then the standby also makes sure that all
// processes learn of the program's death.
void stand_by(Control& control, const platform::Descriptor& server) {
  if (!watch_over(server)) session().lifeline.cut();
  if (control.retired.load() != 0) platform::exit_now(0);
  const auto me = static_cast<std::uint32_t>(platform::self_pid());
  note_former(control, control.server.load());
  // Also note this process, until `server` names it.
  Word* const mine = note_former(control, me);
  // In this order: a process that sees the new server also sees that it has no standby yet.
  control.standby.store(0);
  control.server.store(me);
  if (mine != nullptr) mine->store(0);
}

// Returns in the server. Also returns in its standby, once that has become the server and has a standby
// itself.
void make_standby(Control& control) {
  for (bool is_server = false; !is_server;) {
    // Opened before the clone, so that the standby watches this server from its first instruction.
    const platform::Descriptor self = platform::open_process(platform::self_pid());
    const bool standby = platform::raw_clone(platform::Parent::callers_parent, &control.standby) == 0;
    if (standby) stand_by(control, self);  // then makes a standby of its own
    is_server = !standby;
  }
}

// True if the standby has died or could not be made.
bool standby_is_missing(const Control& control) {
  const auto pid = static_cast<platform::Pid>(control.standby.load());
  const auto standby = platform::open_process(pid);
  return pid == 0 || (standby && platform::wait_ended(standby, detail::Deadline::now()));
}

}  // namespace

void serve(Control& control) {
  // Work that each child would otherwise repeat. The dynamic linker resolves a library's function at its
  // first call; hence the call of the clock.
  platform::prepare_unwinder();
  static_cast<void>(std::chrono::steady_clock::now());
  std::uint32_t output = 0;  // the value of control.output whose files are this server's stdout and stderr
  make_standby(control);
  for (;;) {
    const auto seen = control.bell.load();
    if (control.retired.load() != 0) platform::exit_now(0);
    look_at_requests(control, output);
    // Nobody wakes the server for this; the next request does at the latest.
    if (standby_is_missing(control)) {
      note_former(control, control.standby.load());
      control.standby.store(0);
      make_standby(control);
    }
    platform::park(control.bell, seen, detail::Deadline::never());
  }
}

}  // namespace brood::process
