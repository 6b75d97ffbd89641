// What users hand in, with a fault in it, hook by hook: codecs, destructors, initializers, callbacks, and the
// end of the pool from everywhere. The fault costs its own call, is told once, with its cause; everything
// else goes on and nothing is left behind.

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <thread>

#include "nothing_left.hpp"

namespace pool_hooks {

enum class Hook { none, encode, decode, destroy };
enum class Fault { throws, lies_short, lies_long, leaves, crashes, blocks };
enum class Way { argument, result, error, initializer };

struct Plan {
  Hook hook = Hook::none;
  Fault fault = Fault::throws;
  int where = 0;  // the process that the fault is for: a worker is any other
  bool in_worker = true;

  bool hits(Hook at) const { return hook == at && (getpid() == where) != in_worker; }
};

void hit(const Plan& plan) {
  const rlimit none{0, 0};
  switch (plan.fault) {
    case Fault::throws:
      throw std::out_of_range("a fault in a hook");
    case Fault::leaves:
      _exit(3);
    case Fault::crashes:
      setrlimit(RLIMIT_CORE, &none);
      raise(SIGSEGV);
      break;
    case Fault::blocks:
      for (;;) pause();
    default:
      break;
  }
}

/// What travels; every hook of it may have a fault. `size`: in a slot or in memory of its own.
struct Hooked {
  Plan plan;
  std::size_t size = 8;

  Hooked() = default;
  Hooked(Plan p, std::size_t s) : plan(p), size(s) {}
  Hooked(const Hooked&) = default;
  Hooked(Hooked&&) noexcept = default;
  Hooked& operator=(const Hooked&) = default;
  Hooked& operator=(Hooked&&) noexcept = default;
  ~Hooked() noexcept(false) {
    if (plan.hits(Hook::destroy) && std::uncaught_exceptions() == 0) hit(plan);
  }
};

struct Faulty : std::runtime_error {
  Hooked hooked;
  explicit Faulty(Hooked h) : std::runtime_error("an error with a codec"), hooked(std::move(h)) {}
  ~Faulty() noexcept override = default;
};

}  // namespace pool_hooks

template <>
struct brood::Codec<pool_hooks::Hooked> {
  using Hooked = pool_hooks::Hooked;
  static void encode(Writer& to, const Hooked& value) {
    const auto& plan = value.plan;
    to.value(plan.hook);
    to.value(plan.fault);
    to.value(plan.where);
    to.value(plan.in_worker);
    const bool here = plan.hits(pool_hooks::Hook::encode);
    if (here) pool_hooks::hit(plan);
    static thread_local int times = 0;
    std::string text(value.size, 'x');
    if (here && plan.fault == pool_hooks::Fault::lies_short) text.resize(text.size() / 2 + (++times % 2));
    if (here && plan.fault == pool_hooks::Fault::lies_long) text.resize(text.size() * (++times % 2 + 1));
    to.value(text);
  }
  static Hooked decode(Reader& from) {
    Hooked value;
    value.plan.hook = from.value<pool_hooks::Hook>();
    value.plan.fault = from.value<pool_hooks::Fault>();
    value.plan.where = from.value<int>();
    value.plan.in_worker = from.value<bool>();
    value.size = from.value<std::string>().size();
    if (value.plan.hits(pool_hooks::Hook::decode)) {
      pool_hooks::hit(value.plan);
      // More than there is.
      if (value.plan.fault == pool_hooks::Fault::lies_long) static_cast<void>(from.value<std::uint64_t>());
    }
    return value;
  }
};

template <>
struct brood::Codec<pool_hooks::Faulty> {
  static void encode(Writer& to, const pool_hooks::Faulty& error) { to.value(error.hooked); }
  static pool_hooks::Faulty decode(Reader& from) {
    return pool_hooks::Faulty(from.value<pool_hooks::Hooked>());
  }
};

namespace {

using namespace pool_hooks;
using namespace std::chrono_literals;

std::size_t size_of(Hooked h) { return h.size; }
Hooked same(Hooked h) { return h; }
int throws_it(Hooked h) { throw Faulty(std::move(h)); }

const bool carried = (brood::carry_exception<Faulty>(), true);
int twice(int n) { return 2 * n; }

struct Case {
  const char* name;
  Way way;
  Plan plan;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

constexpr Plan in_worker(Hook hook, Fault fault) { return {hook, fault, 0, true}; }
constexpr Plan in_program(Hook hook, Fault fault) { return {hook, fault, 0, false}; }

constexpr Case cases[] = {
    {"argument_encode_throws", Way::argument, in_program(Hook::encode, Fault::throws)},
    {"argument_encode_lies_short", Way::argument, in_program(Hook::encode, Fault::lies_short)},
    {"argument_encode_lies_long", Way::argument, in_program(Hook::encode, Fault::lies_long)},
    {"argument_decode_throws", Way::argument, in_worker(Hook::decode, Fault::throws)},
    {"argument_decode_reads_on", Way::argument, in_worker(Hook::decode, Fault::lies_long)},
    {"argument_decode_leaves", Way::argument, in_worker(Hook::decode, Fault::leaves)},
    {"argument_decode_crashes", Way::argument, in_worker(Hook::decode, Fault::crashes)},
    {"argument_decode_blocks", Way::argument, in_worker(Hook::decode, Fault::blocks)},
    {"argument_destroy_throws", Way::argument, in_worker(Hook::destroy, Fault::throws)},
    {"argument_destroy_leaves", Way::argument, in_worker(Hook::destroy, Fault::leaves)},
    {"argument_destroy_crashes", Way::argument, in_worker(Hook::destroy, Fault::crashes)},
    {"argument_destroy_blocks", Way::argument, in_worker(Hook::destroy, Fault::blocks)},
    {"result_encode_throws", Way::result, in_worker(Hook::encode, Fault::throws)},
    {"result_encode_lies_short", Way::result, in_worker(Hook::encode, Fault::lies_short)},
    {"result_encode_lies_long", Way::result, in_worker(Hook::encode, Fault::lies_long)},
    {"result_encode_leaves", Way::result, in_worker(Hook::encode, Fault::leaves)},
    {"result_encode_crashes", Way::result, in_worker(Hook::encode, Fault::crashes)},
    {"result_encode_blocks", Way::result, in_worker(Hook::encode, Fault::blocks)},
    {"result_decode_throws", Way::result, in_program(Hook::decode, Fault::throws)},
    {"result_decode_reads_on", Way::result, in_program(Hook::decode, Fault::lies_long)},
    {"result_destroy_throws", Way::result, in_worker(Hook::destroy, Fault::throws)},
    {"error_encode_throws", Way::error, in_worker(Hook::encode, Fault::throws)},
    {"error_encode_lies_long", Way::error, in_worker(Hook::encode, Fault::lies_long)},
    {"error_encode_leaves", Way::error, in_worker(Hook::encode, Fault::leaves)},
    {"error_encode_crashes", Way::error, in_worker(Hook::encode, Fault::crashes)},
    {"error_encode_blocks", Way::error, in_worker(Hook::encode, Fault::blocks)},
    {"error_decode_throws", Way::error, in_program(Hook::decode, Fault::throws)},
    {"error_decode_reads_on", Way::error, in_program(Hook::decode, Fault::lies_long)},
};

class PoolHook : public testing::TestWithParam<std::tuple<Case, std::size_t>> {
 protected:
  // What came of the call: the type of what it threw, empty when it threw nothing.
  static std::string outcome_of(brood::Pool& pool, const Case& one, const Hooked& value) {
    brood::CallOptions limits;
    if (one.plan.fault == Fault::blocks) limits = {.deadline = 100ms, .grace = 10ms};
    try {
      if (one.way == Way::argument) {
        pool.apply_async(limits, size_of, value).get(60s);
      } else if (one.way == Way::result) {
        pool.apply_async(limits, same, value).get(60s);
      } else {
        pool.apply_async(limits, throws_it, value).get(60s);
      }
    } catch (const brood::WorkerDied& e) {
      return e.signal() != 0 ? "signal" : "exit " + std::to_string(e.exit_code());
    } catch (const brood::DeadlineExceeded&) {
      return "deadline";
    } catch (const std::out_of_range&) {
      return "the fault";
    } catch (const brood::DecodeError&) {
      return "decode";
    } catch (const brood::UsageError&) {
      return "usage";
    } catch (const Faulty&) {
      return "the error";
    } catch (const brood::RemoteError& e) {
      return e.remote_type();
    } catch (const brood::Error& e) {
      return e.what();
    }
    return {};
  }

  static std::vector<std::string> expected(const Case& one) {
    switch (one.plan.fault) {
      case Fault::leaves:
        return {"exit 3"};
      case Fault::crashes:
        return {"signal"};
      case Fault::blocks:
        return {"deadline"};
      case Fault::throws:
        // What cannot be sent, or built again, is told by its type and text.
        return one.way == Way::error
                   ? std::vector<std::string>{"the error", "the fault", "pool_hooks::Faulty"}
                   : std::vector<std::string>{"the fault"};
      default:
        // A lie that nobody can see (all of it fits, both sides read what is there) changes the value alone.
        return one.way == Way::error
                   ? std::vector<std::string>{"the error", "decode", "usage", "pool_hooks::Faulty"}
                   : std::vector<std::string>{"", "decode", "usage"};
    }
  }
};

INSTANTIATE_TEST_SUITE_P(of, PoolHook, testing::Combine(testing::ValuesIn(cases), testing::Values(8, 3000)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) < 100 ? "_small" : "_large");
                         });

TEST_P(PoolHook, with_a_fault_costs_its_own_call) {
  const auto& [one, size] = GetParam();
  const nothing_left::Memory memory;
  const auto descriptors = nothing_left::open_descriptors();
  {
    brood::Pool pool(2);
    std::vector<brood::Future<int>> others;
    for (int i = 0; i < 40; ++i) others.push_back(pool.apply_async(twice, i));
    Plan plan = one.plan;
    plan.where = getpid();
    for (int round = 0; round < 3; ++round) {
      Hooked value;
      value.plan = plan;
      value.size = size;
      const auto came = outcome_of(pool, one, value);
      const auto wanted = expected(one);
      EXPECT_TRUE(std::find(wanted.begin(), wanted.end(), came) != wanted.end())
          << "it ended as '" << came << "'";
      for (int i = 0; i < 10; ++i) others.push_back(pool.apply_async(twice, i));
    }
    for (std::size_t i = 0; i < others.size(); ++i) {
      EXPECT_EQ(others[i].get(60s), 2 * static_cast<int>(i < 40 ? i : (i - 40) % 10));
    }
    Hooked sound;
    sound.size = size;
    EXPECT_EQ(pool.apply(size_of, sound), size);
    pool.close();
    EXPECT_TRUE(pool.join(30s));
  }
  EXPECT_TRUE(nothing_left::soon([&] { return nothing_left::open_descriptors() <= descriptors; }));
}

// ---- queues

TEST(QueueHook, with_a_fault_costs_its_own_value) {
  const nothing_left::Memory memory;
  for (const std::size_t size : {std::size_t{8}, std::size_t{3000}}) {
    brood::Queue<Hooked> queue(2);
    const auto put = [&](Hook hook, Fault fault) {
      Hooked value;
      value.plan = {hook, fault, getpid(), false};
      value.size = size;
      queue.put(value);
    };
    EXPECT_THROW(put(Hook::encode, Fault::throws), std::out_of_range);
    EXPECT_THROW(put(Hook::encode, Fault::lies_long), brood::UsageError);
    EXPECT_EQ(queue.qsize(), 0U);
    put(Hook::decode, Fault::throws);
    put(Hook::decode, Fault::lies_long);
    EXPECT_THROW(static_cast<void>(queue.get()), std::out_of_range);
    EXPECT_THROW(static_cast<void>(queue.get()), brood::DecodeError);
    put(Hook::none, Fault::throws);
    put(Hook::none, Fault::throws);
    EXPECT_EQ(queue.get().size, size);
    EXPECT_EQ(queue.get().size, size);
  }
}

// ---- initializers

void init_with(Hooked h, std::string how) {
  if (how == "throws") throw std::out_of_range("in the initializer");
  if (how == "leaves") _exit(3);
  if (how == "crashes") raise(SIGSEGV);
  if (how == "blocks") pause();
  static_cast<void>(h);
}

class PoolInitializer : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(that, PoolInitializer, testing::Values("throws", "leaves", "crashes"),
                         [](const auto& info) { return info.param; });

TEST_P(PoolInitializer, breaks_the_pool_for_all_with_its_cause) {
  const nothing_left::Memory memory;
  const rlimit none{0, 0};
  rlimit before{};
  getrlimit(RLIMIT_CORE, &before);
  setrlimit(RLIMIT_CORE, &none);
  {
    brood::Pool pool({.processes = 2, .restart_intensity = 2, .restart_period = 10s}, init_with, Hooked(),
                     GetParam());
    std::vector<brood::Future<int>> futures;
    try {
      for (int i = 0; i < 10; ++i) futures.push_back(pool.apply_async(twice, i));
    } catch (const brood::PoolBroken&) {  // it broke while they were submitted
    }
    for (auto& future : futures) EXPECT_THROW(future.get(60s), brood::PoolBroken);
    pool.terminate();
    EXPECT_TRUE(pool.join(30s));
  }
  setrlimit(RLIMIT_CORE, &before);
}

TEST(PoolInitializers, that_block_hold_up_nothing_but_its_pool) {
  const nothing_left::Memory memory;
  brood::Pool stuck(1, init_with, Hooked(), std::string("blocks"));
  auto never = stuck.apply_async(twice, 1);
  auto late = stuck.apply_async({.deadline = 100ms}, twice, 1);
  {
    brood::Pool pool(1);
    EXPECT_EQ(pool.apply(twice, 4), 8);
  }
  EXPECT_THROW(late.get(30s), brood::DeadlineExceeded);
  EXPECT_FALSE(never.wait(10ms));
  stuck.terminate();
  EXPECT_TRUE(stuck.join(30s));
  EXPECT_THROW(never.get(30s), brood::PoolTerminated);
}

// ---- callbacks and the end of the pool

TEST(PoolCallback, that_block_hold_up_no_result) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::atomic<bool> go{false}, begun{false};
  brood::Queue<int> queue;  // one that has ended already would be called here and now
  pool.apply_async([](brood::Queue<int> q) { return q.get(); }, queue)
      .add_done_callback([&](brood::Outcome<int>) {
        begun = true;
        while (!go) std::this_thread::sleep_for(1ms);
      });
  queue.put(1);
  EXPECT_TRUE(nothing_left::soon([&] { return begun.load(); }));
  std::vector<brood::Future<int>> others;
  for (int i = 0; i < 100; ++i) others.push_back(pool.apply_async(twice, i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].get(30s), 2 * i);
  auto late = pool.apply_async({.deadline = 50ms, .grace = 1ms}, [] { pause(); });
  EXPECT_THROW(late.get(30s), brood::DeadlineExceeded);
  go = true;
}

enum class From { thread, two_threads, callback, start };
class PoolShutdown : public testing::TestWithParam<std::tuple<From, bool>> {};

std::string shutdown_name(const testing::TestParamInfo<std::tuple<From, bool>>& info) {
  static constexpr std::array names{"a_thread", "two_threads", "a_callback", "its_start"};
  return std::string(names.at(static_cast<std::size_t>(std::get<0>(info.param)))) +
         (std::get<1>(info.param) ? "_twice" : "");
}
INSTANTIATE_TEST_SUITE_P(from, PoolShutdown,
                         testing::Combine(testing::Values(From::thread, From::two_threads, From::callback,
                                                          From::start),
                                          testing::Bool()),
                         shutdown_name);

TEST_P(PoolShutdown, ends_all) {
  const auto [from, twice_over] = GetParam();
  const int times = twice_over ? 2 : 1;
  const nothing_left::Memory memory;
  for (int round = 0; round < 10; ++round) {
    std::vector<brood::Future<int>> futures;
    {
      brood::Pool pool(from == From::start ? 8 : 2);
      const auto end = [&pool, times] {
        for (int i = 0; i < times; ++i) pool.terminate();
      };
      for (int i = 0; i < 50; ++i) futures.push_back(pool.apply_async(twice, i));
      std::vector<std::thread> threads;
      std::atomic<bool> called{false};
      if (from == From::start) end();
      if (from == From::thread) threads.emplace_back(end);
      if (from == From::two_threads)
        for (int i = 0; i < 2; ++i) threads.emplace_back(end);
      if (from == From::callback) {
        futures[10].add_done_callback([&](brood::Outcome<int>) {
          end();
          called = true;
        });
        EXPECT_TRUE(nothing_left::soon([&] { return called.load(); }));
      }
      for (auto& each : threads) each.join();
      EXPECT_TRUE(pool.join(30s));
      EXPECT_TRUE(!twice_over || pool.join(30s));
      EXPECT_THROW(pool.apply_async(twice, 1), brood::UsageError);
    }
    for (int i = 0; i < 50; ++i) {
      try {
        EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(30s), 2 * i);
      } catch (const brood::PoolTerminated&) {  // that is how it ends
      }
    }
  }
  EXPECT_TRUE(nothing_left::soon([] { return nothing_left::children().size() <= 2; }));
}

}  // namespace
