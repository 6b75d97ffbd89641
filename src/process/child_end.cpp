// How the end of a child is noticed, and what is reported about it.

#include <brood/errors.hpp>
#include <cstring>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "platform/crash.hpp"
#include "platform/modules.hpp"
#include "platform/waits.hpp"
#include "process/child.hpp"
#include "process/registry.hpp"
#include "process/server.hpp"
#include "process/session.hpp"
#include "process/spawn.hpp"
#include "process/terminal.hpp"

namespace brood::process {

using detail::Deadline;

namespace {

std::string why_it_did_not_greet(const std::optional<platform::Ended>& how) {
  if (!how || how->how != platform::Ended::How::exited) return {};
  return "what was executed for it, " + platform::what_is_executed() + ", ended with " +
         std::to_string(how->value) +
         " and has not come to brood::init: its main ends before that, or it is another program (a loader "
         "or an emulator that runs this one); use the start method forkserver";
}

}  // namespace

// Checks without waiting. A pool's worker is buried and reaped by its supervisor, which collects the worker's
// results first.
bool Child::poll_locked(bool supervisor) {
  look_at_request();
  if (state_ != State::running) return state_ == State::ended;
  const bool relayed = request_ != nullptr && request_->keeper.load() != 0;
  if (relation_ == Relation::parent) return process_ && platform::wait_ended(process_, Deadline::now());
  if (relayed ? !platform::wait_ended(process_, Deadline::now()) : !platform::has_ended(pid_)) {
    if (!relayed) look_at_stopped(pid_);
    return false;
  }
  if (lane_ >= 0 && !supervisor) return true;

  // Until the child is reaped, its pid cannot be reused. So first release what it held, then end what it
  // started, then reap it.
  given_ = {};
  arena::bury(pid_);
  platform::forget_waits_of(pid_);
  terminal_of_ended(pid_);
  platform::kill_group(pid_);
  // Read before the reaping: once a server has reaped the child, the request may be reused.
  const auto refusal = refusal_of_birth();
  const bool greeted = has_greeted();
  const auto how = relayed ? relayed_status() : platform::reap(pid_);
  if (how && how->how == platform::Ended::How::signalled) tell_signal(how->value);
  const auto reason = refusal.empty() && !greeted ? why_it_did_not_greet(how) : refusal;
  if (reason.empty())
    end(how.value_or(platform::Ended{}));
  else
    fail(name_ + " could not begin: " + reason);
  return true;
}

// The child's own message; empty if the child has begun.
std::string Child::refusal_of_birth() const {
  if (request_ == nullptr || request_->born.load() != static_cast<std::uint32_t>(Born::failed)) return {};
  const auto* text = reinterpret_cast<const char*>(request_->payload);
  return {text, strnlen(text, sizeof request_->payload)};
}

// A spawned child writes the greeting when it reaches brood::init.
bool Child::has_greeted() const {
  return method_ != StartMethod::spawn || request_ == nullptr || !request_->payload_run ||
         hello_of(*request_).load() == said_hello;
}

// Reports a death by signal, which the child's function could not return, unless this handle sent the signal.
// A pool reports the deaths of its workers itself.
void Child::tell_signal(int number) const {
  const auto crash = platform::take_crash_note(pid_);
  if (lane_ >= 0 || (number < 64 && (sent_signals_ >> number & 1) != 0)) return;
  try {
    std::string text = "brood: " + name_ + " (pid " + std::to_string(pid_) + ") was killed by " +
                       platform::signal_name(number);
    if (crash && crash->overflown) text += " (stack overflow)";
    if (crash) {
      if (const auto places = platform::own_places(crash->frames, 3); !places.empty())
        text += " in " + places;
    }
    platform::say(text + "\n");
  } catch (const std::bad_alloc&) {
    platform::say("brood: a process was killed by a signal\n");
  }
}

// The server reaps a relayed child and passes the status on. Nothing if the server has died before that.
std::optional<platform::Ended> Child::relayed_status() {
  const auto keeper = request_->keeper.load();
  while (request_->ended.load(std::memory_order_acquire) == 0) {
    if (server_link().control()->server.load() != keeper ||
        platform::has_ended(static_cast<platform::Pid>(keeper))) {
      return std::nullopt;
    }
    platform::park(request_->ended, 0, Deadline::in(std::chrono::milliseconds(20)));
  }
  return platform::Ended{static_cast<platform::Ended::How>(request_->how), request_->value};
}

void Child::end(platform::Ended how) {
  state_ = State::ended;
  ended_ = how;
  if (request_ != nullptr) ServerLink::give_back(*std::exchange(request_, nullptr));
  server_link().reap_former();  // nobody reports their deaths, so check at every start and end
  registry().remove(this);
}

bool Child::poll() {
  const std::lock_guard lock(mutex_);
  return poll_locked();
}

}  // namespace brood::process
