#include <algorithm>
#include <brood/errors.hpp>
#include <brood/start_method.hpp>
#include <cstring>
#include <new>

#include "arena/references.hpp"
#include "base/immortal.hpp"
#include "platform/crash.hpp"
#include "platform/modules.hpp"
#include "platform/waits.hpp"
#include "process/server.hpp"
#include "process/session.hpp"
#include "process/terminal.hpp"
#include "wire/modules.hpp"

namespace brood::process {
namespace {

[[noreturn]] void be_the_server(Control& control) {
  auto& me = session();
  platform::lead_group();
  if (!me.lifeline.arm_server()) platform::exit_now(0);
  platform::set_process_name("brood-server");
  // Everything that children need cleaned up is cleaned up here once.
  platform::close_descriptors_but({me.lifeline.read_descriptor(), me.lifeline.armed_descriptor(),
                                   arena::descriptor(), server_link().output_box().reading_descriptor()});
  // The former owner of such a descriptor must not close its number again: another file will have it.
  me.line_above.abandon();
  server_link().abandon_writing_end();
  if (hooks().in_server != nullptr) hooks().in_server();
  platform::stdin_from_null();
  platform::block_signals();
  reset_child_signals();
  platform::install_crash_handlers();  // inherited by all children
  platform::report_waits_at_quit();
  platform::line_buffered_output();
  me.being_born = true;  // code that runs in a copy of this process is becoming a child
  serve(control);
}

}  // namespace

std::vector<wire::Module> own_modules() {
  std::vector<wire::Module> all;
  for (auto& m : platform::loaded_modules()) {
    all.push_back({std::move(m.key), std::move(m.path), m.base, m.text_begin, m.text_end});
  }
  return all;
}

ServerLink& server_link() {
  static Immortal<ServerLink> link;
  return *link;
}

void ServerLink::create() {
  if (exists()) return;
  auto& me = session();
  if (!put_threads_away()) {
    refuse_threads(
        "the fork server cannot be made while this process has several threads",
        "make brood::init(argc, argv) the first line of main" +
            std::string(me.is_worker ? "; in a worker of a pool, call brood::renew_server() in the pool's "
                                       "initializer, before there are threads"
                                     : ", or give the process that wants children the option .nests = true"));
  }
  platform::read_confinement(confinement_);
  if (platform::children_are_in_another_pid_namespace(confinement_)) {
    throw UsageError(
        "children of this process would be in another namespace of pids than itself, after unshare or setns "
        "with CLONE_NEWPID, and could not work with it; run the program anew there, as its first process");
  }
  if (arena::exists()) arena::keep_what_is_held();
  platform::flush_output();  // otherwise each child would have the data in its buffers
  platform::fork_for_handlers();
  if (hooks().before_server != nullptr) hooks().before_server();
  wire::set_modules(own_modules());
  platform::prepare_crash_notes();
  if (!me.lifeline)
    me.lifeline = platform::Lifeline::create();  // kept when the server is renewed: children depend on it
  output_box_ = platform::OutputBox::create();
  region_ = platform::SharedRegion::create("brood server", sizeof(Control));
  if (const int error = region_.reserve(0, sizeof(Control)))
    throw OsError("fallocate for the fork server", error);
  if (const int error = region_.open(0, sizeof(Control)))
    throw OsError("mprotect for the fork server", error);
  control_ = new (region_.data()) Control;
  ended_ = false;
  platform::read_surroundings(snapshot_, true);
  snapshot_.limits.at(platform::descriptor_limit).first = me.descriptor_limit;
  platform::read_rights(rights_);
  output_ = platform::output();

  note_terminal();
  const platform::SignalsBlocked quiet;  // a handler of the program's must not run in the server
  region_.close_descriptor();
  const platform::Pid pid = platform::raw_clone(platform::Parent::caller, &control_->server);
  if (pid == 0) be_the_server(*control_);
  if (pid < 0) {
    control_ = nullptr;
    region_.forget();
    throw OsError("clone of the fork server", -pid);
  }
}

namespace {

void require_none(const std::string& changes) {
  if (changes.empty()) return;
  throw StartFailed("the program has " + changes +
                    " since its fork server was made, and its children would be without that; call "
                    "brood::renew_server() while there is one thread");
}

}  // namespace

void ServerLink::require_same_rights() {
  platform::read_rights(rights_now_);
  require_none(platform::changes_that_confine(rights_, rights_now_));
}

void ServerLink::require_same_confinement() const {
  platform::Rights rights;
  platform::read_rights(rights);
  platform::Confinement confinement;
  platform::read_confinement(confinement);
  auto changes = platform::changes_that_confine(rights_, rights);
  const auto more = platform::changes_that_confine(confinement_, confinement);
  if (!changes.empty() && !more.empty()) changes += ", ";
  require_none(changes + more);
}

// Files without an offset are the same if they are the same file. Others are the same only if the server
// shares the open file description with this process.
bool ServerLink::output_is_the_servers(const platform::Output& now) const {
  return now == output_ &&
         platform::shares_offsets(now, session().pid, static_cast<platform::Pid>(control_->server.load()));
}

// Changes the box only when no request is in progress: such a request needs the files that are in the box
// now, and a standby that takes it over looks into the box again.
void ServerLink::pass_output_on() {
  const auto now = platform::output();
  if (output_is_the_servers(now)) return;
  await_answers();
  if (output_is_the_servers(now)) return;  // the server had not taken them yet
  output_box_.put();
  output_ = now;
  control_->output.fetch_add(1);
}

// Only one thread posts at a time, so no slot is reused during this wait.
void ServerLink::await_answers() {
  for (auto& request : control_->requests) {
    if (request.posted.load() != 0) wait_done(request, detail::Deadline::never());
  }
}

bool ServerLink::any_server_left() {
  // has_ended is conclusive: only this process can reap them, and until then their pids are not reused.
  bool left = false;
  for (Word* word : {&control_->server, &control_->standby}) {
    const auto pid = static_cast<platform::Pid>(word->load());
    left = left || (pid != 0 && !platform::has_ended(pid));
  }
  return left;
}

void ServerLink::reap_former() {
  if (!exists()) return;
  for (auto& former : control_->former) {
    // Relaxed: only the value counts; the pid is checked below.
    std::uint32_t pid = former.load(std::memory_order_relaxed);
    // Not while a tracer must wait for the process first.
    if (pid == 0 || !platform::has_ended(static_cast<platform::Pid>(pid))) continue;
    platform::reap(static_cast<platform::Pid>(pid));
    former.compare_exchange_strong(pid, 0);
  }
}

Request& ServerLink::post(std::uint32_t method, std::size_t size, FunctionRef<void(std::byte*)> fill,
                          FunctionRef<bool()> make_room) {
  require_same_rights();
  pass_output_on();
  reap_former();
  Request* free = nullptr;
  while (free == nullptr) {
    for (std::size_t i = 0; i < control_->requests.size() && free == nullptr; ++i) {
      auto& request = control_->requests[next_++ % control_->requests.size()];
      if (request.posted.load(std::memory_order_relaxed) == 0) free = &request;
    }
    if (free == nullptr && !make_room()) {
      throw StartFailed("more than " + std::to_string(control_->requests.size()) +
                        " processes are being born or were spawned; join some first");
    }
  }
  free->payload_run = {};
  std::byte* to = free->payload;
  const bool spawns = method == static_cast<std::uint32_t>(StartMethod::spawn);
  if (size > sizeof free->payload || spawns) {
    free->payload_run = arena::allocate(hello_behind(size) + sizeof(Hello));
    to = arena::at(free->payload_run.offset, size);
  }
  fill(to);
  if (free->payload_run) free->payload_sum = sum_of(to, size);
  free->method = method;
  free->payload_size = static_cast<std::uint32_t>(size);
  if (spawns) new (&hello_of(*free)) Hello(0);
  for (Word* word :
       {&free->opened, &free->pid, &free->done, &free->error, &free->keeper, &free->ended, &free->born}) {
    word->store(0, std::memory_order_relaxed);
  }
  // release, also through the bell's add: a server that sees `posted` sees the whole request.
  free->posted.store(1, std::memory_order_release);
  ring();
  return *free;
}

void ServerLink::ring() {
  control_->bell.fetch_add(1);
  platform::unpark_all(control_->bell);
}

bool ServerLink::wait_done(Request& request, detail::Deadline until) {
  const auto what = [](platform::WaitText& text) { text << "the fork server, which is to make a process"; };
  platform::WaitNote waiting(what);
  constexpr auto look = std::chrono::milliseconds(20);
  // A takeover clears the standby before it sets the server: between the two, which may take a while on a
  // busy machine, no server is to be seen.
  constexpr int most_looks_in_vain = 5;
  int in_vain = 0;
  while (request.done.load(std::memory_order_acquire) == 0) {
    // The slices do not decide whether a server is dead; they only set how often both are checked.
    platform::park(request.done, 0,
                   until.at_most(std::min<std::chrono::nanoseconds>(look, waiting.patience())));
    if (request.done.load(std::memory_order_acquire) != 0) break;
    if (until.passed()) return false;
    in_vain = any_server_left() ? 0 : in_vain + 1;
    if (in_vain == most_looks_in_vain && request.done.load() == 0) {
      throw StartFailed(
          "the fork server and its standby have both been killed; restart the program, or call "
          "brood::renew_server() while there is one thread");
    }
  }
  return true;
}

void ServerLink::give_back(Request& request) {
  if (request.payload_run) arena::free(request.payload_run);
  request.payload_run = {};
  request.posted.store(0, std::memory_order_release);
}

void ServerLink::forget() {
  output_box_.close();
  region_.forget();
  former_.forget();
  control_ = nullptr;
}

void ServerLink::end() {
  if (!exists()) return;
  control_->retired.store(1);
  const auto end_one = [this](const Word& word) {
    const auto pid = static_cast<platform::Pid>(word.load());
    if (pid == 0) return;
    if (!platform::has_ended(pid)) {
      // A program that has changed its user may lack the right to kill them. They exit when they see that
      // they are retired.
      if (!platform::kill_child(pid)) ring();
      platform::wait_for_child(pid);
    }
    platform::reap(pid);
  };
  end_one(control_->server);
  end_one(control_->standby);
  for (const Word& former : control_->former) end_one(former);  // one of them may be about to take over
  // Another thread may still wait for a birth and read its request once more, so keep the mapping.
  former_ = std::move(region_);
  former_.close_descriptor();
  output_box_.close();
  ended_ = true;
}

}  // namespace brood::process
