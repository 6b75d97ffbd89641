#include "process/session.hpp"

#include <brood/errors.hpp>
#include <brood/init.hpp>
#include <cstdlib>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "base/immortal.hpp"
#include "platform/copies.hpp"
#include "platform/life.hpp"
#include "platform/modules.hpp"
#include "platform/thrown.hpp"
#include "platform/waits.hpp"
#include "process/certificate.hpp"
#include "process/child.hpp"
#include "process/registry.hpp"
#include "process/server.hpp"
#include "process/spawn.hpp"
#include "process/uncaught.hpp"
#include "process/warden.hpp"

namespace brood {
namespace process {
namespace {

// Runs in every process that the C library's fork makes of a member, whichever code called fork. A brood
// child then sets its identity; any other is a stranger and must not keep the lifeline of its parent's
// children alive.
void after_fork_in_child() {
  auto& me = session();
  me.lifeline.drop_write_end();
  server_link().close_output_box();
  me.kind = Session::Kind::stranger;
  arena::forbid();
}

struct ExitHandlers {
  std::mutex mutex;
  std::vector<std::function<void()>> handlers;
};
ExitHandlers& exit_handlers() {
  static Immortal<ExitHandlers> it;
  return *it;
}

// exit() calls this once per handler, so that handlers run among the destructors of statics and the functions
// given to std::atexit, in reverse order of registration.
void run_last_exit_handler() {
  const auto& me = session();
  if (me.kind == Session::Kind::stranger || me.pid != platform::self_pid()) return;
  std::function<void()> last;
  {
    auto& all = exit_handlers();
    const std::lock_guard lock(all.mutex);
    if (all.handlers.empty()) return;
    last = std::move(all.handlers.back());
    all.handlers.pop_back();
  }
  try {
    last();
  } catch (...) {
    platform::say("brood: a handler of at_exit threw: " + platform::current_thrown().text + "\n");
  }
}

}  // namespace

Session& session() {
  static Immortal<Session> it;  // used until the very end
  return *it;
}

Hooks& hooks() {
  static Hooks all;
  return all;
}

bool has_one_thread() { return platform::thread_count() - session().own_threads.load() <= 1; }

bool comes_to_have_one_thread() {
  const auto until = detail::Deadline::in(std::chrono::milliseconds(100));
  for (Word never{0}; !has_one_thread();
       platform::park(never, 0, detail::Deadline::in(std::chrono::milliseconds(1)))) {
    if (until.passed()) return false;
  }
  return true;
}

bool put_threads_away() {
  if (has_one_thread()) return true;
  platform::fork_for_handlers();
  return comes_to_have_one_thread();
}

// Some allocators and profilers start threads before main; some can be asked to start them later.
void refuse_threads(const std::string& what, const std::string& advice) {
  std::map<std::string, int> times;
  for (const auto& name : platform::names_of_other_threads()) ++times[name];
  std::string names, more = "; where a library has made them before main, have it do so after brood::init";
  for (const auto& [name, n] : times) {
    names += (names.empty() ? "" : ", ") + name + (n == 1 ? "" : " (" + std::to_string(n) + " times)");
    if (!name.starts_with("jemalloc")) continue;
    more =
        "; jemalloc makes none when the program is started with MALLOC_CONF=background_thread:false, and "
        "mallctl(\"background_thread\", ...) makes them after brood::init";
  }
  throw UsageError(what + (names.empty() ? "" : " (beside this one, by their names: " + names + ")") + "; " +
                   advice + more);
}

void require_not_stranger() {
  static_cast<void>(platform::life());  // notices a copy
  if (session().kind == Session::Kind::stranger) {
    throw UsageError(
        "this process was made by fork(), not by brood, and cannot use brood: its parent's children, queues "
        "and pools "
        "are not its own. Start it as a brood::Process, or exec a program");
  }
}

void require_member() {
  require_not_stranger();
  auto& me = session();
  if (me.being_born || (me.kind == Session::Kind::fresh && is_unborn_copy())) {
    throw UsageError(
        "brood is used while this process is still being born, from the initialisation of a global or before "
        "brood::init in main; do it after brood::init, in a function that the child calls");
  }
  if (me.kind == Session::Kind::fresh) set_up_program({});
}

namespace {
// Before any global of the program is initialised, because such a global may already use brood.
[[gnu::constructor(200)]] void register_here() { arena::set_maker(&require_member); }
}  // namespace

void watch_forks() { platform::at_fork_in_child(&after_fork_in_child); }

namespace {

// Two separate copies of brood do no harm. If one calls functions of the other, it hands over objects that
// the other does not know.
void require_one_copy() {
  for (const char* prefix : {"_ZN5brood", "_ZNK5brood"}) {
    const auto mixed = platform::find_foreign_calls(reinterpret_cast<const void*>(&require_one_copy), prefix);
    if (!mixed) continue;
    throw UsageError(
        "brood is twice in this program, in " + mixed->first + " and in " + mixed->second +
        ", and code of the first calls functions of the second; compile " + mixed->first +
        " with -fvisibility=hidden, so that each has its own, or link brood into one of them only "
        "(docs/setup.md)");
  }
}

}  // namespace

void set_up_program(const arena::Options& options) {
  auto& me = session();
  require_one_copy();
  if (!put_threads_away()) {
    refuse_threads("brood is used for the first time while the program has several threads",
                   "make brood::init(argc, argv) the first line of main");
  }
  me.pid = platform::self_pid();
  me.parent_pid = platform::parent_pid();
  arena::create(options);
  std::tie(me.descriptor_limit, me.raised_limit) = platform::raise_descriptor_limit();
  watch_forks();
  tell_uncaught_exceptions();
  platform::report_waits_at_quit();
  server_link().create();
  me.kind = Session::Kind::program;
  me.self = Child::myself();
  std::atexit([] { finish(); });
}

void become(const Certificate& told) {
  auto& me = session();
  me.kind = Session::Kind::child;
  arena::permit();
  me.name = told.name;
  me.path = told.path;
  me.parent_name = told.parent_name;
  me.parent_pid = told.parent_pid;
  me.daemon = told.daemon;
  me.is_worker = told.lane >= 0;
  me.pid = platform::self_pid();
  me.children_made = 0;
  me.own_threads = 0;
  me.raised_limit = 0;
  me.descriptor_limit = platform::soft_descriptor_limit();
  {
    auto& all = exit_handlers();
    new (&all.mutex) std::mutex;
    all.handlers.clear();
  }
  registry().become_new_process();
  if (hooks().in_child != nullptr) hooks().in_child(told.lane);
  forget_warden();
  me.self = Child::myself();
}

void finish() {
  static_cast<void>(platform::life());  // notices a copy
  auto& me = session();
  if (me.kind != Session::Kind::program && me.kind != Session::Kind::child) return;
  static std::atomic<platform::Pid> finished{0};
  if (finished.exchange(me.pid) == me.pid) return;
  if (hooks().before_end != nullptr) hooks().before_end();
  platform::flush_output();
  registry().end_all();
  server_link().end();
  platform::flush_output();
}

void add_exit_handler(std::function<void()> handler) {
  auto& all = exit_handlers();
  const std::lock_guard lock(all.mutex);
  all.handlers.push_back(std::move(handler));
  if (std::atexit(&run_last_exit_handler) == 0) return;
  all.handlers.pop_back();
  throw NoMemory("no memory to note a handler of at_exit");
}

namespace {

// Less has no room for a queue and a pool beside brood's own tables; more does not fit into the address
// space.
constexpr std::uint64_t least_bytes = std::uint64_t{4} << 20, most_bytes = std::uint64_t{1} << 47;
constexpr std::uint32_t least_members = 8, most_members = 4095;

void require_sensible(const InitOptions& options) {
  if (options.arena_bytes != 0 && options.arena_bytes < least_bytes) {
    throw UsageError("an arena of " + std::to_string(options.arena_bytes) +
                     " bytes has no room for what processes share; give init an arena_bytes of at least " +
                     std::to_string(least_bytes) + " (4 MiB), or 0 for as much as the machine has");
  }
  if (options.arena_bytes > most_bytes) {
    throw UsageError("no process can address an arena of " + std::to_string(options.arena_bytes) +
                     " bytes; give init an arena_bytes of at most " + std::to_string(most_bytes) +
                     " (128 TiB), or 0 for as much as the machine has");
  }
  if (options.members < least_members || options.members > most_members) {
    throw UsageError("between " + std::to_string(least_members) + " and " + std::to_string(most_members) +
                     " processes can share memory, not " + std::to_string(options.members) +
                     "; give init another number of members");
  }
}

}  // namespace
}  // namespace process

void init(int argc, char** argv, InitOptions options) {
  auto& me = process::session();
  process::require_not_stranger();
  process::require_sensible(options);
  if (argc > 0 && argv != nullptr) me.arguments = argv;
  process::become_spawned_child();
  if (me.kind == process::Session::Kind::fresh)
    process::set_up_program({options.arena_bytes, options.members});
}

void renew_server() {
  process::require_member();
  if (!process::put_threads_away()) {
    process::refuse_threads("renew_server() while this process has several threads",
                            "call it while there is one");
  }
  process::registry().settle();
  process::server_link().end();
  process::server_link().create();
}

void at_exit(std::function<void()> handler) {
  process::require_member();
  process::add_exit_handler(std::move(handler));
}

int cpu_count() { return platform::machine_processors(); }
int usable_cpu_count() { return platform::usable_processors(); }

}  // namespace brood
