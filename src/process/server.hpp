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
/// For the program: the child could not be born, and why.
void note_failure(Request& request, const std::string& reason);

/// What is loaded here, for the table that names functions.
std::vector<wire::Module> own_modules();

/// The program's side.
class ServerLink {
 public:
  /// Makes the server; this process must have one thread. Throws.
  void create();
  bool exists() const { return control_ != nullptr && !ended_; }
  /// The server, as it was born; what children see.
  const platform::Surroundings& snapshot() const { return snapshot_; }
  const platform::Rights& rights() const { return rights_; }

  /// Throws StartFailed where the server, and so its children, would lack confinement that this process has
  /// taken on since: what post does not look at, because it takes several times as long as the rest.
  void require_same_confinement() const;
  /// Posts a request and returns its slot; `payload` as encode leaves it. Throws StartFailed when this
  /// process has other rights than the server, when there is no server any more or every slot is taken by a
  /// process that is being born or relayed.
  Request& post(std::uint32_t method, std::size_t size, FunctionRef<void(std::byte* to)> fill,
                FunctionRef<bool()> make_room);
  /// Waits until the server has answered. False: not within the deadline. Throws StartFailed: no server is
  /// left.
  bool wait_done(Request& request, detail::Deadline until);
  void ring();
  /// Reaps the servers and standbys that were followed by others; from any thread.
  void reap_former();
  static void give_back(Request& request);

  /// Forgets the parent's server, in a child.
  void forget();
  /// Ends server and standby, and reaps them. For renew_server and the end of the program.
  void end();
  Control* control() { return control_; }
  const platform::OutputBox& output_box() const { return output_box_; }
  /// In a copy of this process that is none of its children.
  void close_output_box() { output_box_.close(); }
  /// In the server, whose descriptors have been closed but those kept.
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
  platform::SharedRegion former_;  // of the servers that were ended last
  platform::Surroundings snapshot_;
  platform::OutputBox output_box_;
  platform::Output output_;      // stdout and stderr that the server has, or will have with the next request
  platform::Rights rights_;      // of the server, and so of children
  platform::Rights rights_now_;  // of the caller of post; its memory is used again
  platform::Confinement confinement_;  // as rights_
  std::vector<std::string> module_keys_;
  std::uint32_t next_ = 0;
};

ServerLink& server_link();

}  // namespace brood::process
