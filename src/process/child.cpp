#include "process/child.hpp"

#include <brood/codec.hpp>
#include <brood/errors.hpp>
#include <cstdlib>
#include <cstring>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "arena/references.hpp"
#include "platform/crash.hpp"
#include "platform/poller.hpp"
#include "platform/waits.hpp"
#include "process/birth.hpp"
#include "process/registry.hpp"
#include "process/server.hpp"
#include "process/session.hpp"
#include "process/terminal.hpp"
#include "process/warden.hpp"
#include "wire/modules.hpp"

namespace brood::process {

using detail::Deadline;

Child::Child(ProcessOptions options) : nests_(options.nests), method_(options.method) {
  auto& me = session();
  owner_ = platform::self_pid();
  daemon_ = options.daemon.value_or(me.daemon);
  const auto number = std::to_string(++me.children_made);
  path_ = me.path.empty() ? number : me.path + ":" + number;
  name_ = options.name.empty() ? "Process-" + path_ : std::move(options.name);
}

Child::Child(Relation relation) : relation_(relation), state_(State::running) {
  const auto& me = session();
  owner_ = platform::self_pid();
  path_ = me.path;
  name_ = relation == Relation::self ? me.name : me.parent_name;
  pid_ = relation == Relation::self ? owner_ : me.parent_pid;
  daemon_ = relation == Relation::self && me.daemon;
}

std::shared_ptr<Child> Child::myself() { return std::shared_ptr<Child>(new Child(Relation::self)); }
std::shared_ptr<Child> Child::my_parent() { return std::shared_ptr<Child>(new Child(Relation::parent)); }

void Child::set_worker(std::int32_t lane, std::int32_t errors, const platform::Folder& folder) {
  lane_ = lane;
  errors_ = errors;
  folder_ = folder;
}

// ---- permission checks ----

void Child::require_owner(const char* verb) const {
  require_member();
  if (relation_ == Relation::self) {
    throw UsageError(std::string("a process cannot ") + verb + " itself; ask another process to");
  }
  if (relation_ == Relation::child && owner_ != platform::self_pid()) {
    throw UsageError(name_ + " was made by process " + std::to_string(owner_) + "; only that one may " +
                     verb + " it. Let it do so, or send the word through a queue");
  }
}

void Child::require_started(const char* verb) const {
  require_owner(verb);
  if (state_ == State::fresh) {
    throw UsageError(std::string("cannot ") + verb + " " + name_ +
                     ", it has not been started; call start() first");
  }
}

void Child::require_closable() {
  if (state_ == State::fresh) return;
  require_owner("close");
  if (!poll()) throw UsageError(name_ + " cannot be closed while it runs; join or terminate it first");
}

void Child::set_daemon(bool daemon) {
  if (state_ != State::fresh) {
    throw UsageError("daemon of " + name_ + " cannot be changed, it has been started; set it before start()");
  }
  daemon_ = daemon;
}

// ---- start ----

Certificate Child::certificate() const {
  const auto& me = session();
  Certificate told;
  told.name = name_;
  told.path = path_;
  told.parent_name = me.name;
  told.parent_pid = me.pid;
  told.daemon = daemon_;
  told.nests = nests_;
  told.lane = lane_;
  told.errors = errors_;
  return told;
}

void Child::start(FunctionRef<void()> run) {
  require_member();
  if (relation_ != Relation::child)
    throw UsageError("this process runs already; make a new Process to start one");
  if (owner_ != session().pid) require_owner("start");  // session().pid needs no system call
  const std::unique_lock lock(mutex_);
  if (state_ != State::fresh) {
    throw UsageError(name_ +
                     " has been started before; a process runs once, make a new Process for another run");
  }
  const Registry::Room room(registry());
  if (!call_ || method_ == StartMethod::fork)
    start_by_fork(run);
  else
    start_by_server();
  registry().add(shared_from_this());
  if (watched_) watch(shared_from_this());
}

void Child::start_by_fork(FunctionRef<void()> run) {
  auto& me = session();
  if (!call_ && !copied_ && !comes_to_have_one_thread()) {
    throw UsageError(
        name_ +
        " is a subclass with its fields in this process; it could only start by fork, which is unsafe now "
        "that the program has several threads. Make it with brood::make_process<T>(arguments...), which "
        "sends the arguments");
  }
  if (!server_link().exists() && has_one_thread()) server_link().create();  // for its lifeline
  if (!me.lifeline) me.lifeline = platform::Lifeline::create();
  platform::prepare_crash_notes();
  platform::flush_output();
  watched_ = watched_ || arena::holds_anything();
  detail::HeldNames shared(arena::hold_for_child());
  const Certificate told = certificate();
  platform::Pid pid = 0;
  {
    const platform::SignalsBlocked quiet;  // a handler of the program's must not run in the child
    pid = platform::library_fork(nullptr);
    if (pid == 0) {
      platform::lead_group();
      if (!me.lifeline.arm()) platform::exit_now(0);
      me.line_above = std::move(me.lifeline);
      me.lifeline = {};
      server_link().forget();
      arena::become_new_process(true);
      if (me.raised_limit != 0) platform::lower_descriptor_limit(me.raised_limit, me.descriptor_limit);
      reset_child_signals();
      platform::install_crash_handlers();
      platform::report_waits_at_quit();
      platform::stdin_from_null();
      platform::line_buffered_output();
      std::exit(report_exceptions([&] {
        relation_ = Relation::self;
        state_ = State::running;
        owner_ = pid_ = platform::self_pid();
        enter_life(told);
        session().self = shared_from_this();
        platform::unblock_signals();
        if (call_)
          call_.run();
        else
          run();
        return 0;
      }));
    }
  }
  if (pid < 0) {
    throw StartFailed("fork for " + name_ + ": " + OsError("", -pid).what());
  }
  given_ = std::move(shared);
  born(pid);
}

void Child::start_by_server() {
  auto& me = session();
  if (method_ == StartMethod::spawn && me.arguments == nullptr) {
    throw UsageError(
        "spawn executes the program anew, whose main must begin with brood::init(argc, argv); call it there");
  }
  if (!server_link().exists()) server_link().create();

  Certificate told = certificate();
  told.thunk = detail::code_ref_of(call_.thunk()).word;
  told.call = call_.bytes();
  // Static to keep the memory of its strings; one thread posts at a time. (Not thread_local: handlers of
  // at_exit may start processes, and by then a thread's own objects are gone.)
  const std::lock_guard one_at_a_time(start_mutex());
  static auto& now = *new platform::Surroundings;
  platform::read_surroundings(now, platform::has_single_thread());
  auto& [soft, hard] = now.limits.at(platform::descriptor_limit);
  if (soft == me.raised_limit) soft = me.descriptor_limit;
  const auto& theirs = server_link().snapshot();
  if (folder_) now.directory = folder_->path;
  if (folder_ || now.directory.empty()) {  // no path leads to a removed directory
    auto folder = folder_ ? *folder_ : platform::current_folder();
    if (folder.is_known()) {
      now.directory = theirs.directory;
      told.folder = std::move(folder);
    }
  }
  if (now != theirs) told.surroundings = now;
  if (method_ == StartMethod::spawn) {
    told.capabilities = server_link().rights().capabilities;
    for (const auto& m : wire::modules()) told.modules.push_back(m.key);
  }

  std::byte room[sizeof Request::payload];
  Writer attempt(room, sizeof room);
  attempt.value(told);
  std::vector<std::byte> more(attempt.fits() ? 0 : attempt.written());
  if (!attempt.fits()) {
    Writer again(more.data(), more.size());
    again.value(told);
  }
  request_ = &server_link().post(
      static_cast<std::uint32_t>(method_), attempt.written(),
      [&](std::byte* to) { std::memcpy(to, more.empty() ? room : more.data(), attempt.written()); },
      [] { return registry().make_room(); });
  given_ = call_.sent();
  watched_ = watched_ || !given_.empty();
  state_ = State::posted;
}

void Child::born(platform::Pid pid) {
  pid_ = pid;
  state_ = State::running;
}

void Child::fail(std::string reason) {
  failure_ = std::move(reason);
  given_ = {};
  end({});
}

// ---- birth and end: with mutex_ held ----

void Child::harvest() {
  const std::lock_guard lock(mutex_);
  look_at_request();
}

// Takes the server's answer, if there is one.
void Child::look_at_request() {
  if (state_ == State::posted && request_->done.load(std::memory_order_acquire) != 0) {
    if (const auto error = request_->error.load()) {
      const bool output = (error & Request::no_output) != 0;
      return fail("the system could not make " + name_ + ": " +
                  OsError(output ? "recvmsg of the program's stdout and stderr" : "clone",
                          static_cast<int>(error & ~Request::no_output))
                      .what());
    }
    born(static_cast<platform::Pid>(request_->pid.load()));
    if (request_->keeper.load() != 0) {
      process_ = platform::open_process(pid_);
      request_->opened.store(1);
      server_link().ring();
    }
  }
  if (request_ != nullptr && state_ == State::running && request_->keeper.load() == 0 &&
      request_->born.load(std::memory_order_acquire) == static_cast<std::uint32_t>(Born::yes)) {
    ServerLink::give_back(*std::exchange(request_, nullptr));
  }
}

void Child::await_birth_locked(std::unique_lock<std::mutex>& lock) {
  const auto what = [&](platform::WaitText& text) { text << "the birth of " << name_; };
  platform::WaitNote waiting(what);
  while (state_ == State::posted) {
    Request* request = request_;
    lock.unlock();
    try {
      waiting.begin();
      server_link().wait_done(*request, Deadline::never());
      lock.lock();
    } catch (const StartFailed& e) {
      lock.lock();
      if (state_ == State::posted) fail(name_ + ": " + e.what());
      break;
    }
    poll_locked();
  }
  if (!failure_.empty()) throw StartFailed(failure_);
}

void Child::await_birth() {
  std::unique_lock lock(mutex_);
  await_birth_locked(lock);
}

// ---- queries of handles ----

const platform::Descriptor& Child::process_descriptor() {
  if (!process_) {
    process_ = platform::open_process(pid_);
    if (!process_ && state_ != State::ended) throw OsError("pidfd_open of " + name_, errno);
  }
  return process_;
}

bool Child::join(Deadline until) {
  require_started("join");
  std::unique_lock lock(mutex_);
  const auto what = [&](platform::WaitText& text) {
    if (relation_ == Relation::parent)
      text << "Process::join of its parent ";
    else
      text << (state_ == State::posted ? "Process::join, before its birth, of " : "Process::join of ");
    text << name_;
    if (pid_ != 0) text << " (pid " << static_cast<std::uint64_t>(pid_) << ")";
  };
  platform::WaitNote waiting(what);
  if (relation_ == Relation::parent) {
    const int fd = process_descriptor().get();
    if (fd < 0) return true;
    lock.unlock();
    waiting.now();
    return platform::wait_ended(process_, until);
  }
  if (until.is_never()) await_birth_locked(lock);
  while (!poll_locked()) {
    if (until.passed()) return false;
    if (state_ == State::posted) {
      Request* request = request_;
      lock.unlock();
      server_link().wait_done(*request, until);
      lock.lock();
    } else if (until.is_never() && !process_) {
      const auto pid = pid_;
      waiting.now();  // that wait takes no time limit
      lock.unlock();
      wait_for_child(pid);
      lock.lock();
    } else {
      const platform::Descriptor& process = process_descriptor();
      waiting.now();
      lock.unlock();
      // No descriptor becomes ready when a child is stopped, so this thread wakes up regularly to check.
      const bool looks = beside_terminal();
      const bool ended =
          platform::wait_ended(process, looks ? until.at_most(std::chrono::milliseconds(200)) : until);
      lock.lock();
      if (!ended && (!looks || until.passed())) return poll_locked();
    }
  }
  if (!failure_.empty()) throw StartFailed(failure_);
  return true;
}

bool Child::is_alive() {
  if (relation_ == Relation::self) return true;
  if (state_ == State::fresh) return false;
  require_owner("ask after");
  std::unique_lock lock(mutex_);
  if (relation_ == Relation::parent) {
    const auto& process = process_descriptor();
    return process && !platform::wait_ended(process, Deadline::now());
  }
  await_birth_locked(lock);
  return !poll_locked();
}

std::optional<platform::Ended> Child::status() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::fresh || !poll_locked(true)) return std::nullopt;
  return ended_;
}

std::optional<int> Child::exitcode() {
  if (relation_ != Relation::child || state_ == State::fresh) return std::nullopt;
  require_owner("ask after");
  std::unique_lock lock(mutex_);
  await_birth_locked(lock);
  if (!poll_locked() || state_ != State::ended) return std::nullopt;
  if (!failure_.empty()) throw StartFailed(failure_);
  switch (ended_->how) {
    case platform::Ended::How::exited:
      return ended_->value;
    case platform::Ended::How::signalled:
      return -ended_->value;
    default:
      break;
  }
  throw StatusUnknown(
      "how " + name_ + " (pid " + std::to_string(pid_) +
      ") ended is not known: somebody else has reaped it, or it went with the server that kept it");
}

std::optional<int> Child::pid() {
  if (state_ == State::fresh) return std::nullopt;
  if (relation_ == Relation::child && owner_ == platform::self_pid()) await_birth();
  return pid_;
}

int Child::sentinel() {
  require_started("watch");
  std::unique_lock lock(mutex_);
  await_birth_locked(lock);
  if (!process_ && state_ == State::ended)
    process_ = platform::always_readable();  // there is no process to open
  return process_descriptor().get();
}

void Child::signal(int number) {
  require_started("signal");
  if (relation_ != Relation::child) throw UsageError("a process may signal its children only");
  std::unique_lock lock(mutex_);
  await_birth_locked(lock);
  if (poll_locked()) return;
  if (number > 0 && number < 64) sent_signals_ |= std::uint64_t{1} << number;
  platform::send_signal_to_group(pid_, number);
}

std::string Child::to_string(const std::string& class_name) {
  std::string text = "<" + class_name + " name='" + name_ + "'";
  if (state_ != State::fresh) {
    try {
      text += " pid=" + std::to_string(pid().value_or(0));
    } catch (const StartFailed&) {
      text += " pid=none";
    }
  }
  text += " parent=" + std::to_string(relation_ == Relation::self ? session().parent_pid : owner_);
  if (state_ == State::fresh) {
    text += " initial";
  } else if (relation_ != Relation::child || owner_ != platform::self_pid() || !poll() ||
             state_ != State::ended) {
    text += " started";
  } else {
    text += " stopped exitcode=";
    switch (ended_->how) {
      case platform::Ended::How::exited:
        text += std::to_string(ended_->value);
        break;
      case platform::Ended::How::signalled:
        text += "-" + platform::signal_name(ended_->value);
        break;
      default:
        text += "unknown";
        break;
    }
  }
  return text + (daemon_ ? " daemon>" : ">");
}

}  // namespace brood::process
