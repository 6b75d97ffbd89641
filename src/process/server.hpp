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

  /// Posts a request and returns its slot; `payload` as encode leaves it. Throws StartFailed when there is no
  /// server any more or every slot is taken by a process that is being born or relayed.
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

 private:
  bool any_server_left();

  Control* control_ = nullptr;
  std::atomic<bool> ended_{false};
  platform::SharedRegion region_;
  platform::SharedRegion former_;  // of the servers that were ended last
  platform::Surroundings snapshot_;
  platform::Credentials credentials_;
  std::vector<std::string> module_keys_;
  std::uint32_t next_ = 0;
};

ServerLink& server_link();

}  // namespace brood::process
