// Every public function, called in a copy of the process: one that the program's own fork() made, one that a
// bare clone made without a word to the C library, and a forked child of brood's. It is refused with
// UsageError, or does no harm; and the program's own tasks never notice. The names are compared with the
// headers by ./x docs.

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brood/brood.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <vector>

#include "base/scope.hpp"
#include "nothing_left.hpp"

namespace process_copies {

int twice(int n) { return 2 * n; }
int until_told(brood::Queue<int> go) { return go.get(); }
void nothing() {}
struct Sub : brood::Process {
  void run() override {}
};

struct Bad : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace process_copies

template <>
struct brood::Codec<process_copies::Bad> {
  static void encode(Writer& to, const process_copies::Bad& bad) { to.value(std::string(bad.what())); }
  static process_copies::Bad decode(Reader& from) { return process_copies::Bad(from.value<std::string>()); }
};

namespace {

using namespace process_copies;
using namespace std::chrono_literals;

std::chrono::steady_clock::time_point soon() { return std::chrono::steady_clock::now() + 1s; }

/// What the program has when it is copied.
struct World {
  brood::Queue<int> go, queue, full{1};
  brood::Pool pool{2};
  std::vector<brood::Future<int>> open, done;
  std::optional<brood::MapFuture<int>> map_open, map_done;
  brood::Promise<int> promise, promise_without_future;
  brood::Future<int> promised;
  brood::Process started{until_told, go}, unstarted{nothing};
  brood::SharedBlock block{64};
  brood::Shared<std::string> shared{std::string("text")};

  World() {
    promised = promise_without_future.get_future();
    queue.put(1);
    full.put(1);
    for (int i = 0; i < 3; ++i) done.push_back(pool.apply_async(twice, i));
    for (auto& each : done) each.wait();
    map_done.emplace(pool.map_async(twice, std::vector<int>{1, 2, 3}));
    map_done->wait();
    for (int i = 0; i < 6; ++i) open.push_back(pool.apply_async(until_told, go));
    map_open.emplace(pool.map_async(twice, std::vector<int>(50, 1)));
    started.start();
  }
  // The program's tasks are as they were.
  void check() {
    EXPECT_EQ(pool.counts().restarts, 0U);
    EXPECT_EQ(pool.counts().failed, 0U);
    for (std::size_t i = 0; i < open.size() + 1; ++i) go.put(7);
    for (auto& each : open) EXPECT_EQ(each.get(60s), 7);
    EXPECT_EQ(map_open->get(60s), std::vector<int>(50, 2));
    EXPECT_EQ(done[2].get(60s), 4);
    EXPECT_EQ(pool.apply(twice, 5), 10);
    promise_without_future.set_result(3);
    EXPECT_EQ(promised.get(60s), 3);
    EXPECT_TRUE(started.join(60s));
    EXPECT_EQ(queue.qsize(), 1U);
  }
};

void copy_something(brood::Pool& pool) {
  const auto from =
      std::filesystem::path(testing::TempDir()) / ("copied-in-a-copy-" + std::to_string(::getpid()));
  std::filesystem::create_directory(from);
  std::ofstream(from / "file") << "text";
  const auto to = from.string() + ".to";
  const brood::OnExit removed([&] { std::filesystem::remove_all(from), std::filesystem::remove_all(to); });
  brood::copy_tree(pool, from, to);
}

enum class Is { refused, harmless };
constexpr auto refused = Is::refused, harmless = Is::harmless;

struct Call {
  const char* name;
  Is in_copy;    // of the user's own fork or clone
  Is in_forked;  // child of brood's
  std::function<void(World&)> call;
};

// What is of the process that made it is refused in both; what belongs to all processes of the program is a
// forked child's as well, but not a copy's that is none of them.
const std::vector<Call>& calls() {
  static const std::vector<Call> all{
      {"Future::Future", harmless, harmless,
       [](World& w) { brood::Future<int> moved(std::move(w.open[0])); }},
      {"Future::operator=", harmless, harmless, [](World& w) { w.open[0] = std::move(w.open[1]); }},
      {"Future::~Future", harmless, harmless, [](World& w) { w.open.clear(), w.done.clear(); }},
      {"Future::valid", harmless, harmless, [](World& w) { w.open[0].valid(); }},
      {"Future::is_done", harmless, harmless, [](World& w) { w.open[0].is_done(); }},
      {"Future::record", harmless, harmless, [](World& w) { w.open[0].record(); }},
      {"Future::get", refused, refused, [](World& w) { w.open[0].get(); }},
      {"Future::get", refused, refused, [](World& w) { w.done[0].get(); }},
      {"Future::get", refused, refused, [](World& w) { w.promised.get(1s); }},
      {"Future::get_until", refused, refused, [](World& w) { w.open[0].get_until(soon()); }},
      {"Future::result", refused, refused, [](World& w) { w.open[0].result(); }},
      {"Future::wait", refused, refused, [](World& w) { w.open[0].wait(); }},
      {"Future::wait", refused, refused, [](World& w) { w.open[0].wait(0s); }},
      {"Future::wait_until", refused, refused, [](World& w) { w.open[0].wait_until(soon()); }},
      {"Future::ready", refused, refused, [](World& w) { w.open[0].ready(); }},
      {"Future::done", refused, refused, [](World& w) { w.open[0].done(); }},
      {"Future::successful", refused, refused, [](World& w) { w.done[0].successful(); }},
      {"Future::running", refused, refused, [](World& w) { w.open[0].running(); }},
      {"Future::exception", refused, refused, [](World& w) { w.done[0].exception(); }},
      {"Future::outcome", refused, refused, [](World& w) { w.open[0].outcome(); }},
      {"Future::cancel", refused, refused, [](World& w) { w.open[0].cancel(); }},
      {"Future::cancel", refused, refused, [](World& w) { w.open[0].cancel(brood::CancelMode::kill); }},
      {"Future::add_done_callback", refused, refused,
       [](World& w) { w.open[0].add_done_callback([](const auto&) {}); }},
      {"MapFuture::MapFuture", harmless, harmless, [](World& w) { auto moved = std::move(*w.map_open); }},
      {"MapFuture::get", refused, refused, [](World& w) { w.map_open->get(); }},
      {"MapFuture::get", refused, refused, [](World& w) { w.map_done->get(); }},
      {"MapFuture::get_until", refused, refused, [](World& w) { w.map_open->get_until(soon()); }},
      {"MapFuture::wait_until", refused, refused, [](World& w) { w.map_open->wait_until(soon()); }},
      {"MapFuture::wait", refused, refused, [](World& w) { w.map_open->wait(); }},
      {"MapFuture::ready", refused, refused, [](World& w) { w.map_open->ready(); }},
      {"MapFuture::successful", refused, refused, [](World& w) { w.map_done->successful(); }},
      {"MapFuture::add_done_callback", refused, refused,
       [](World& w) { w.map_open->add_done_callback([](const auto&) {}); }},
      {"MapFuture::futures", refused, refused, [](World& w) { w.map_open->futures(); }},
      {"wait", refused, refused, [](World& w) { brood::wait(w.open); }},
      {"wait", refused, refused, [](World& w) { brood::wait(w.open, brood::When::first_completed, 0s); }},
      {"as_completed", refused, refused, [](World& w) { brood::as_completed(w.open); }},
      {"wait_until", refused, refused,
       [](World& w) { brood::wait_until(w.open, brood::When::first_completed, soon()); }},
      {"as_completed_until", refused, refused, [](World& w) { brood::as_completed_until(w.open, soon()); }},

      {"Pool::Pool", refused, harmless, [](World&) { brood::Pool own(1); }},
      {"Pool::apply", refused, refused, [](World& w) { w.pool.apply(twice, 1); }},
      {"Pool::apply_async", refused, refused, [](World& w) { w.pool.apply_async(twice, 1); }},
      {"Pool::submit", refused, refused, [](World& w) { w.pool.submit(twice, 1); }},
      {"Pool::map", refused, refused,
       [](World& w) {
         w.pool.map(twice, std::vector<int>{1, 2});
       }},
      {"Pool::map_async", refused, refused,
       [](World& w) {
         w.pool.map_async(twice, std::vector<int>{1, 2});
       }},
      {"Pool::starmap", refused, refused,
       [](World& w) { w.pool.starmap(twice, std::vector<std::tuple<int>>{{1}}); }},
      {"Pool::starmap_async", refused, refused,
       [](World& w) { w.pool.starmap_async(twice, std::vector<std::tuple<int>>{{1}}); }},
      {"Pool::imap", refused, refused,
       [](World& w) {
         for (auto n : w.pool.imap(twice, std::vector<int>{1, 2})) static_cast<void>(n);
       }},
      {"Pool::imap_unordered", refused, refused,
       [](World& w) {
         for (auto n : w.pool.imap_unordered(twice, std::vector<int>{1, 2})) static_cast<void>(n);
       }},
      {"Pool::for_each", refused, refused,
       [](World& w) {
         w.pool.for_each(twice, std::vector<int>{1, 2});
       }},
      {"Pool::reduce", refused, refused,
       [](World& w) {
         w.pool.reduce(std::vector<int>{1, 2}, 0);
       }},
      {"Pool::wait_any", refused, refused, [](World& w) { w.pool.wait_any(w.open); }},
      {"Pool::close", refused, refused, [](World& w) { w.pool.close(); }},
      {"Pool::terminate", refused, refused, [](World& w) { w.pool.terminate(); }},
      {"Pool::join", refused, refused, [](World& w) { w.pool.join(); }},
      {"Pool::join_until", refused, refused, [](World& w) { w.pool.join_until(soon()); }},
      {"Pool::size", refused, refused, [](World& w) { w.pool.size(); }},
      {"Pool::counts", refused, refused, [](World& w) { w.pool.counts(); }},

      {"Promise::Promise", harmless, harmless,
       [](World&) {
         brood::Promise<int> own;
         auto future = own.get_future();
         own.set_result(1);
         if (future.get() != 1) std::abort();
       }},
      {"Promise::operator=", harmless, harmless, [](World& w) { w.promise = {}; }},
      {"Promise::~Promise", harmless, harmless,
       [](World& w) { auto gone = std::move(w.promise_without_future); }},
      {"Promise::get_future", harmless, harmless, [](World& w) { w.promise.get_future(); }},
      {"Promise::set_running", refused, refused, [](World& w) { w.promise_without_future.set_running(); }},
      {"Promise::set_result", refused, refused, [](World& w) { w.promise_without_future.set_result(1); }},
      {"Promise::set_exception", refused, refused,
       [](World& w) { w.promise_without_future.set_exception(std::make_exception_ptr(1)); }},
      {"SerialExecutor::apply_async", harmless, harmless,
       [](World&) { brood::SerialExecutor().apply_async(twice, 1).get(); }},
      {"SerialExecutor::size", harmless, harmless, [](World&) { brood::SerialExecutor().size(); }},
      {"SerialExecutor::wait_any", harmless, harmless,
       [](World&) {
         brood::SerialExecutor here;
         std::vector<brood::Future<int>> futures;
         futures.push_back(here.apply_async(twice, 1));
         here.wait_any(futures);
       }},

      {"Queue::Queue", refused, harmless, [](World&) { brood::Queue<int> own; }},
      {"Queue::put", refused, harmless, [](World&) { brood::Queue<int>().put(1); }},
      {"Queue::put", refused, harmless, [](World& w) { brood::Queue<brood::Queue<int>>().put(w.queue); }},
      {"Queue::put_nowait", refused, harmless, [](World&) { brood::Queue<int>().put_nowait(1); }},
      {"Queue::put_until", refused, harmless, [](World&) { brood::Queue<int>().put_until(1, soon()); }},
      {"Queue::try_put_for", refused, harmless, [](World&) { brood::Queue<int>().try_put_for(1, 1s); }},
      {"Queue::try_put_until", refused, harmless,
       [](World&) { brood::Queue<int>().try_put_until(1, soon()); }},
      {"Queue::try_put", refused, harmless, [](World& w) { w.full.try_put(1); }},
      {"Queue::get", refused, harmless, [](World& w) { w.queue.put(w.queue.get()); }},
      {"Queue::get_nowait", refused, harmless, [](World& w) { w.queue.put(w.queue.get_nowait()); }},
      {"Queue::try_get", refused, harmless, [](World& w) { w.queue.put(*w.queue.try_get()); }},
      {"Queue::try_get_for", refused, harmless, [](World& w) { w.queue.put(*w.queue.try_get_for(1s)); }},
      {"Queue::get_until", refused, harmless, [](World& w) { w.queue.put(w.queue.get_until(soon())); }},
      {"Queue::try_get_until", refused, harmless,
       [](World& w) { w.queue.put(*w.queue.try_get_until(soon())); }},
      {"Queue::qsize", refused, harmless, [](World& w) { w.queue.qsize(); }},
      {"Queue::empty", refused, harmless, [](World& w) { w.queue.empty(); }},
      {"Queue::full", refused, harmless, [](World& w) { w.queue.full(); }},
      {"Queue::closed", refused, harmless, [](World& w) { w.queue.closed(); }},
      {"Queue::close", refused, harmless, [](World&) { brood::Queue<int>().close(); }},
      {"SharedBlock::SharedBlock", refused, harmless, [](World&) { brood::SharedBlock own(8); }},
      {"SharedBlock::operator=", harmless, harmless, [](World& w) { w.block = brood::SharedBlock(); }},
      {"SharedBlock::data", harmless, harmless, [](World& w) { w.block.data(); }},
      {"SharedBlock::size", harmless, harmless, [](World& w) { w.block.size(); }},
      {"SharedBlock::bytes", harmless, harmless, [](World& w) { w.block.bytes(); }},
      {"SharedBlock::as", harmless, harmless, [](World& w) { w.block.as<int>(); }},
      {"SharedBlock::operator bool", harmless, harmless, [](World& w) { static_cast<void>(bool(w.block)); }},
      {"Shared::Shared", refused, harmless,
       [](World&) { brood::Shared<std::string> own(std::string("own")); }},
      {"Shared::operator*", harmless, harmless, [](World& w) { static_cast<void>(w.shared->size()); }},
      {"Shared::operator->", harmless, harmless, [](World& w) { static_cast<void>((*w.shared).size()); }},
      {"Shared::operator const T &", harmless, harmless,
       [](World& w) { static_cast<void>(static_cast<const std::string&>(w.shared)); }},

      {"Process::Process", refused, harmless, [](World&) { brood::Process own(nothing); }},
      {"Process::operator=", harmless, harmless, [](World& w) { w.started = std::move(w.unstarted); }},
      {"Process::~Process", harmless, harmless, [](World& w) { auto gone = std::move(w.started); }},
      {"Process::start", refused, refused, [](World& w) { w.unstarted.start(); }},
      {"Process::run", harmless, harmless, [](World& w) { w.unstarted.run(); }},
      {"Process::join", refused, refused, [](World& w) { w.started.join(); }},
      {"Process::join", refused, refused, [](World& w) { w.started.join(0s); }},
      {"Process::join_until", refused, refused, [](World& w) { w.started.join_until(soon()); }},
      {"Process::terminate", refused, refused, [](World& w) { w.started.terminate(); }},
      {"Process::kill", refused, refused, [](World& w) { w.started.kill(); }},
      {"Process::interrupt", refused, refused, [](World& w) { w.started.interrupt(); }},
      {"Process::close", refused, refused, [](World& w) { w.started.close(); }},
      {"Process::is_alive", refused, refused, [](World& w) { w.started.is_alive(); }},
      {"Process::exitcode", refused, refused, [](World& w) { w.started.exitcode(); }},
      {"Process::pid", harmless, harmless, [](World& w) { w.started.pid(); }},
      {"Process::sentinel", refused, refused, [](World& w) { w.started.sentinel(); }},
      {"Process::name", harmless, harmless, [](World& w) { w.started.name(); }},
      {"Process::set_name", harmless, harmless, [](World& w) { w.unstarted.set_name("x"); }},
      {"Process::daemon", harmless, harmless, [](World& w) { w.unstarted.daemon(); }},
      {"Process::set_daemon", harmless, harmless, [](World& w) { w.unstarted.set_daemon(true); }},
      {"Process::to_string", harmless, harmless, [](World& w) { w.started.to_string(); }},
      {"make_process", refused, harmless, [](World&) { brood::make_process<Sub>(); }},
      {"current_process", refused, harmless, [](World&) { brood::current_process(); }},
      {"parent_process", refused, harmless, [](World&) { brood::parent_process(); }},
      {"active_children", refused, harmless, [](World&) { brood::active_children(); }},
      {"at_exit", refused, harmless, [](World&) { brood::at_exit([] {}); }},
      {"init", refused, harmless, [](World&) { brood::init(0, nullptr); }},
      {"renew_server", refused, harmless, [](World&) { brood::renew_server(); }},
      {"cpu_count", harmless, harmless, [](World&) { brood::cpu_count(); }},
      {"usable_cpu_count", harmless, harmless, [](World&) { brood::usable_cpu_count(); }},
      {"this_worker::exists", harmless, harmless, [](World&) { brood::this_worker::exists(); }},
      {"this_worker::index", refused, refused, [](World&) { brood::this_worker::index(); }},
      {"this_worker::incarnation", refused, refused, [](World&) { brood::this_worker::incarnation(); }},
      {"this_worker::pool", refused, refused, [](World&) { brood::this_worker::pool().apply(twice, 1); }},
      {"this_worker::seed", refused, refused, [](World&) { brood::this_worker::seed(); }},
      {"this_worker::state", refused, refused, [](World&) { brood::this_worker::state<std::string>(); }},
      {"this_worker::stop_token", harmless, harmless, [](World&) { brood::this_worker::stop_token(); }},
      {"StopToken::StopToken", harmless, harmless, [](World&) { brood::StopToken(); }},
      {"StopToken::stop_requested", harmless, harmless, [](World&) { brood::StopToken().stop_requested(); }},
      {"StopToken::wait_for", harmless, harmless, [](World&) { brood::StopToken().wait_for(1ms); }},
      {"StopToken::wait_until", harmless, harmless,
       [](World&) { brood::StopToken().wait_until(std::chrono::steady_clock::now()); }},
      {"Progress::Progress", harmless, harmless, [](World&) { brood::Progress own; }},
      {"Progress::advance", harmless, harmless, [](World&) { brood::Progress().advance(); }},
      {"Progress::count", harmless, harmless, [](World&) { brood::Progress().count(); }},
      {"Progress::fail", harmless, harmless, [](World&) { brood::Progress().fail(); }},
      {"Progress::failed", harmless, harmless, [](World&) { brood::Progress().failed(); }},
      {"Progress::say", harmless, harmless, [](World&) { brood::Progress().say("x"); }},
      {"Progress::~Progress", harmless, harmless, [](World&) { brood::Progress own; }},
      {"progress", harmless, harmless,
       [](World&) {
         for (auto n : brood::progress(std::vector<int>{1, 2})) static_cast<void>(n);
       }},
      {"copy_tree", refused, refused, [](World& w) { copy_something(w.pool); }},
      {"prepare_copy_worker", harmless, harmless, [](World&) { brood::prepare_copy_worker(); }},
      {"carry_exception", harmless, harmless, [](World&) { brood::carry_exception<Bad>(); }},
  };
  return all;
}

// What came of it, by the exit code of the copy.
enum : int { threw_nothing = 41, threw_usage = 42, threw_another = 43 };
int outcome_of(const Call& call, World& world) {
  ::alarm(20);
  try {
    call.call(world);
    return threw_nothing;
  } catch (const brood::UsageError&) {
    return threw_usage;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", call.name, e.what());
    return threw_another;
  }
}
void expect(const Call& call, Is is, int status) {
  ASSERT_TRUE(WIFEXITED(status)) << call.name << " died of " << strsignal(WTERMSIG(status));
  EXPECT_EQ(WEXITSTATUS(status), is == refused ? threw_usage : threw_nothing) << call.name;
}
int status_of(int pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

TEST(Copies, by_the_programs_own_fork) {
  World world;
  for (const auto& call : calls()) {
    const int copy = ::fork();
    if (copy == 0) ::_exit(outcome_of(call, world));
    expect(call, call.in_copy, status_of(copy));
  }
  world.check();
}

// exit() there runs destructors and handlers.
TEST(Copies, end_without_harm) {
  World world;
  for (int i = 0; i < 3; ++i) {
    const int copy = ::fork();
    if (copy == 0) {
      ::alarm(20);
      { const World gone(std::move(world)); }
      std::exit(7);
    }
    EXPECT_EQ(WEXITSTATUS(status_of(copy)), 7);
  }
  world.check();
}

// Another thread of the program could hold the lock of malloc: nothing else runs, and few calls suffice.
TEST(Copies, by_a_bare_clone) {
  brood::Queue<int> queue;
  brood::Process unstarted(nothing);
  brood::Promise<int> promise;
  auto future = promise.get_future();
  const auto in_clone = [&](const std::function<void()>& f) {
    const auto copy = static_cast<int>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (copy == 0) {
      ::alarm(20);
      try {
        f();
        ::_exit(threw_nothing);
      } catch (const brood::UsageError&) {
        ::_exit(threw_usage);
      }
    }
    return WEXITSTATUS(status_of(copy));
  };
  EXPECT_EQ(in_clone([&] { queue.put(1); }), threw_usage);
  EXPECT_EQ(in_clone([&] { queue.get(); }), threw_usage);
  EXPECT_EQ(in_clone([&] { queue.close(); }), threw_usage);
  EXPECT_EQ(in_clone([&] { brood::Queue<int>(); }), threw_usage);
  EXPECT_EQ(in_clone([&] { unstarted.start(); }), threw_usage);
  EXPECT_EQ(in_clone([&] { brood::current_process(); }), threw_usage);
  EXPECT_EQ(in_clone([&] { future.get(); }), threw_usage);
  EXPECT_EQ(in_clone([&] { promise.set_result(1); }), threw_usage);
  queue.put(5);
  EXPECT_EQ(queue.get(), 5);
  unstarted.start();
  unstarted.join();
  promise.set_result(2);
  EXPECT_EQ(future.get(), 2);
}

TEST(Copies, by_forked_children) {
  World world;
  for (const auto& call : calls()) {
    brood::Process child(brood::forked, [&] { ::_exit(outcome_of(call, world)); });
    child.start();
    ASSERT_TRUE(child.join(60s)) << call.name;
    EXPECT_EQ(child.exitcode(), call.in_forked == refused ? threw_usage : threw_nothing) << call.name;
  }
  world.check();
}

TEST(Copies, as_forked_children_end_without_harm) {
  World world;
  for (int i = 0; i < 3; ++i) {
    brood::Process child(brood::forked, [&] { const World gone(std::move(world)); });
    child.start();
    ASSERT_TRUE(child.join(60s));
    EXPECT_EQ(child.exitcode(), 0);
  }
  world.check();
}

}  // namespace
