#pragma once
// The fork server: a copy of the program as it was at init, with one thread, that clones every child on the
// program's behalf. This header is the program's side; server.cpp is the server's.

#include <atomic>
#include <brood/detail/deadline.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/function_ref.hpp"
#include "platform/memory.hpp"
#include "platform/output.hpp"
#include "platform/rights.hpp"
#include "platform/surroundings.hpp"
#include "process/control.hpp"
#include "wire/modules.hpp"

namespace brood::process {

/// Runs in the server and in the standby, in turn; never returns.
[[noreturn]] void serve(Control& control);
/// Runs in a child, from the clone to its end.
[[noreturn]] void be_born(Control& control, Request& request);
/// Tells the program that the child could not be born, and why.
void note_failure(Request& request, const std::string& reason);

/// The modules loaded in this process, for the table that names functions.
std::vector<wire::Module> own_modules();

/// The program's side.
class ServerLink {
 public:
  /// Makes the server; this process must have one thread. Throws.
  void create();
  bool exists() const { return control_ != nullptr && !ended_; }
  /// The surroundings of the server at its birth, which its children see.
  const platform::Surroundings& snapshot() const { return snapshot_; }
  const platform::Rights& rights() const { return rights_; }

  /// Throws StartFailed if the server, and so its children, would lack confinement that this process has
  /// taken on since. Covers what post does not check, because checking it takes several times as long as the
  /// rest.
  void require_same_confinement() const;
  /// Posts a request and returns its slot; `fill` writes the payload. Throws StartFailed if this process has
  /// other rights than the server, if no server is left, or if every slot is taken by a process that is being
  /// born or relayed.
  Request& post(std::uint32_t method, std::size_t size, FunctionRef<void(std::byte* to)> fill,
                FunctionRef<bool()> make_room);
  /// Waits until the server has answered. False if the deadline passes first. Throws StartFailed if no server
  /// is left.
  bool wait_done(Request& request, detail::Deadline until);
  void ring();
  /// Reaps the servers and standbys that have been replaced; called from any thread.
  void reap_former();
  static void give_back(Request& request);

  /// Forgets the parent's server; called in a child.
  void forget();
  /// Ends and reaps server and standby. For renew_server and the end of the program.
  void end();
  Control* control() { return control_; }
  const platform::OutputBox& output_box() const { return output_box_; }
  /// For a copy of this process that is not one of its children.
  void close_output_box() { output_box_.close(); }
  /// For the server, all of whose descriptors have been closed except those kept.
  void abandon_writing_end() { output_box_.abandon_writing_end(); }

 private:
  bool any_server_left();
  void require_same_rights();
  bool output_is_the_servers(const platform::Output& now) const;
  void pass_output_on();
  void await_answers();

  Control* control_ = nullptr;
  std::atomic<bool> ended_{false};
  platform::SharedRegion region_;
  platform::SharedRegion former_;  // of the last server that was ended
  platform::Surroundings snapshot_;
  platform::OutputBox output_box_;
  platform::Output output_;      // the server's stdout and stderr, or those it takes with the next request
  platform::Rights rights_;      // of the server, and so of its children
  platform::Rights rights_now_;  // of the thread that calls post; kept to reuse its memory
  platform::Confinement confinement_;  // of the server, like rights_
  std::vector<std::string> module_keys_;
  std::uint32_t next_ = 0;
};

ServerLink& server_link();

}  // namespace brood::process
