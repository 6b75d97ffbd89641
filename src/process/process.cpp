#include <brood/process.hpp>
#include <csignal>
#include <ostream>
#include <typeinfo>

#include "platform/modules.hpp"
#include "process/child.hpp"
#include "process/registry.hpp"
#include "process/session.hpp"

namespace brood {
namespace detail {
namespace {
thread_local int constructing_self = 0;
}

ConstructingSelf::ConstructingSelf() { ++constructing_self; }
ConstructingSelf::~ConstructingSelf() { --constructing_self; }

void require_set_up() { process::require_member(); }

HeldNames PackedCall::sent() {
  thunk_ = nullptr;
  bytes_ = {};
  return std::move(names_);
}

void PackedCall::run() const {
  Reader r(bytes_.data(), bytes_.size());
  thunk_(r, nullptr);
}

}  // namespace detail

using process::Child;

Process::Process(ProcessOptions options) {
  process::require_member();
  if (detail::constructing_self > 0) {
    detail::constructing_self = 0;
    child_ = process::session().self;
  } else {
    child_ = std::make_shared<Child>(std::move(options));
  }
}

Process::Process(ProcessOptions options, detail::PackedCall call) : Process(std::move(options)) {
  child_->set_call(std::move(call));
}

Process::Process(Forked, ProcessOptions options, detail::Copied copied) : Process(std::move(options)) {
  child_->set_copied(std::move(copied.call));
}

Process::Process(std::shared_ptr<Child> child) : child_(std::move(child)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

Child& Process::child() const {
  if (!child_) {
    throw UsageError("this handle of " + (closed_name_.empty() ? "a process" : closed_name_) +
                     " was closed or moved from; only its name is left");
  }
  return *child_;
}

void Process::ship(detail::PackedCall construct_and_run) { child().set_call(std::move(construct_and_run)); }

void Process::run() {
  if (child().copied())
    child().copied()();
  else if (child().call())
    child().call().run();
}

void Process::start() {
  auto& c = child();
  // A plain Process without a target has nothing to run and nothing to copy.
  if (!c.call() && !c.copied() && typeid(*this) == typeid(Process)) c.set_call(detail::pack([] {}));
  c.start([this] { run(); });
}

bool Process::join(Timeout timeout) { return child().join(timeout.deadline()); }
bool Process::is_alive() { return child().is_alive(); }
void Process::terminate() { child().signal(SIGTERM); }
void Process::kill() { child().signal(SIGKILL); }
void Process::interrupt() { child().signal(SIGINT); }
std::optional<int> Process::exitcode() { return child().exitcode(); }
std::optional<int> Process::pid() { return child().pid(); }
bool Process::daemon() const { return child().daemon(); }
void Process::set_daemon(bool daemon) { child().set_daemon(daemon); }
void Process::set_name(std::string name) { child().set_name(std::move(name)); }
int Process::sentinel() { return child().sentinel(); }
const std::string& Process::name() const { return child_ ? child_->name() : closed_name_; }

void Process::close() {
  if (!child_) return;
  child_->require_closable();
  closed_name_ = child_->name();
  child_.reset();
}

std::string Process::to_string() const { return child().to_string(platform::readable(typeid(*this).name())); }

std::ostream& operator<<(std::ostream& out, const Process& process) { return out << process.to_string(); }

Process current_process() {
  process::require_member();
  return Process(process::session().self);
}

std::optional<Process> parent_process() {
  process::require_member();
  if (process::session().kind == process::Session::Kind::program) return std::nullopt;
  return Process(Child::my_parent());
}

std::vector<Process> active_children() {
  process::require_member();
  std::vector<Process> alive;
  for (const auto& child : process::registry().all()) {
    if (!child->poll()) alive.push_back(Process(child));
  }
  return alive;
}

}  // namespace brood
