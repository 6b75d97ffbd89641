#pragma once
// One process as this process knows it: behind every Process handle, and in the registry while the process
// runs.

#include <brood/detail/packed_call.hpp>
#include <brood/process.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/function_ref.hpp"
#include "platform/child.hpp"
#include "process/certificate.hpp"
#include "process/control.hpp"

namespace brood::process {

class Child : public std::enable_shared_from_this<Child> {
 public:
  enum class Relation { child, self, parent };

  explicit Child(ProcessOptions options);
  static std::shared_ptr<Child> myself();
  static std::shared_ptr<Child> my_parent();

  // The call; set before start.
  void set_call(detail::PackedCall call) { call_ = std::move(call); }
  void set_copied(std::function<void()> f) { copied_ = std::move(f); }
  const detail::PackedCall& call() const { return call_; }
  const std::function<void()>& copied() const { return copied_; }
  /// Pool workers: sets more of the certificate.
  void set_worker(std::int32_t lane, std::int32_t errors, const platform::Folder& folder);

  /// `run`: what a forked child calls if there is no call that travels.
  void start(FunctionRef<void()> run);

  bool join(detail::Deadline until);
  bool is_alive();
  std::optional<int> exitcode();
  std::optional<int> pid();
  int sentinel();
  void signal(int number);

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  bool daemon() const { return daemon_; }
  void set_daemon(bool daemon);
  bool started() const { return state_ != State::fresh; }
  bool ended() const { return state_ == State::ended; }
  std::string to_string(const std::string& class_name);

  /// Checks, without waiting, whether the process has ended; if so, buries and reaps it. True if it has
  /// ended.
  bool poll();
  /// Waits for the birth: until the pid is known. Throws StartFailed.
  void await_birth();
  /// Takes the pid from the request once the server has answered, and gives the slot back once the child has
  /// read it.
  void harvest();
  /// Throws UsageError while the process runs.
  void require_closable();
  /// How the process ended; nothing before that.
  std::optional<platform::Ended> status();
  /// True if the process may hold shared objects, so its death must be noticed soon.
  bool watched() const { return watched_; }
  const platform::Descriptor& process_descriptor();
  platform::Pid raw_pid() const { return pid_; }

 private:
  enum class State { fresh, posted, running, ended };

  explicit Child(Relation relation);
  Certificate certificate() const;
  void start_by_fork(FunctionRef<void()> run);
  void start_by_server();
  void require_owner(const char* verb) const;
  void require_started(const char* verb) const;
  void born(platform::Pid pid);
  void fail(std::string reason);
  void end(platform::Ended how);
  bool poll_locked(bool supervisor = false);
  void look_at_request();
  void await_birth_locked(std::unique_lock<std::mutex>& lock);
  std::optional<platform::Ended> relayed_status();
  // child_end.cpp
  std::string refusal_of_birth() const;
  bool has_greeted() const;
  void tell_signal(int number) const;

  mutable std::mutex mutex_;
  Relation relation_ = Relation::child;
  platform::Pid owner_ = 0;  // the process that made this object
  std::string name_, path_;
  bool daemon_ = false;
  bool nests_ = false;
  bool watched_ = false;
  StartMethod method_ = StartMethod::forkserver;
  std::int32_t lane_ = -1, errors_ = -1;    // of a pool's worker, which only its supervisor reaps
  std::optional<platform::Folder> folder_;  // of a pool; otherwise the caller's
  detail::PackedCall call_;
  std::function<void()> copied_;

  State state_ = State::fresh;
  detail::HeldNames given_;     // shared objects that it was sent or inherits, until it ends
  Request* request_ = nullptr;  // as long as this object owns the slot
  platform::Pid pid_ = 0;
  platform::Descriptor process_;
  std::optional<platform::Ended> ended_;
  std::uint64_t sent_signals_ = 0;  // by this handle; one bit for each number
  std::string failure_;             // the message of StartFailed
};

}  // namespace brood::process
