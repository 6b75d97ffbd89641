// What is said of failures: of tasks, in programs that do not catch them, and of processes.

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <brood/init.hpp>
#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/promise.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/plain_names.hpp"
#include "nothing_left.hpp"
#include "platform/modules.hpp"
#include "run_program.hpp"
#include "what_it_threw.hpp"

namespace messages {

struct Torn : std::runtime_error {
  explicit Torn(int p) : std::runtime_error("torn"), page(p) {}
  int page;
};
struct Silent : std::exception {
  const char* what() const noexcept override { return nullptr; }
};
struct Unsendable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[gnu::noinline]] int fail(const std::string& what, int n) {
  if (n > 0) throw std::invalid_argument(what);
  return n;
}
int fail_after_others(int n) {
  try {
    fail("first", 1);
  } catch (const std::exception&) {
  }
  struct Tidy {
    ~Tidy() {
      try {
        fail("while it unwinds", 1);
      } catch (const std::exception&) {
      }
    }
  };
  const Tidy tidy;
  return fail("last", n);
}
template <class Outer>
int fail_nested(int n) {
  try {
    return fail("cause", n);
  } catch (...) {
    std::throw_with_nested(Outer(n));
  }
}
struct Logic : std::logic_error {
  explicit Logic(int) : std::logic_error("logic") {}
};
int fail_with_logic(int n) {
  try {
    return fail("cause", n);
  } catch (...) {
    std::throw_with_nested(std::logic_error("outer"));
  }
}
int fail_three_deep(int n) {
  try {
    return fail_nested<Torn>(n);
  } catch (...) {
    std::throw_with_nested(Unsendable("outermost"));
  }
}
int opened_here(int) { return static_cast<int>(brood::platform::opened_for_names()); }
int twice(int n) { return 2 * n; }
int hungry(std::string) { return static_cast<int>(std::vector<char>(std::size_t{4} << 30, 'x').back()); }
int sleepy(int) {
  for (;;) pause();
}
int leaves_its_thread(int) { pthread_exit(nullptr); }
[[gnu::noinline]] int sum_down(volatile int* n) {
  volatile int a[64];
  a[1] = *n;
  return a[1] == 12345 ? 0 : sum_down(&a[1]) + a[1];
}
int overflows(int) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  volatile int n = 1;
  return sum_down(&n);
}

}  // namespace messages

template <>
struct brood::Codec<messages::Torn> {
  static void encode(Writer& to, const messages::Torn& e) { to.value(e.page); }
  static messages::Torn decode(Reader& from) { return messages::Torn(from.value<int>()); }
};

namespace {

using namespace messages;
using namespace std::chrono_literals;
using run_program::run;
using what_it_threw::text_of;

const bool carried = [] {
  brood::carry_exception<Torn>();
  return true;
}();

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
#define EXPECT_HAS(text, part) EXPECT_TRUE(has(text, part)) << "no \"" << (part) << "\" in:\n" << (text)
#define EXPECT_LACKS(text, part) EXPECT_FALSE(has(text, part)) << "\"" << (part) << "\" in:\n" << (text)

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

template <class F, class... Args>
std::exception_ptr failure_of(brood::Pool& pool, F f, Args... args) {
  return pool.apply_async(f, args...).exception(60s);
}
template <class F>
void look_at(const std::exception_ptr& error, F look) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    look(e);
  }
}
const brood::RemoteTrace& trace_of(const std::exception& e) {
  return dynamic_cast<const brood::RemoteTrace&>(e);
}

// ---- where an exception was thrown

TEST(Trace, costs_the_worker_no_opened_file_and_the_program_none_until_it_looks) {
  brood::Pool pool(1);
  const auto here = brood::platform::opened_for_names();
  std::vector<std::exception_ptr> errors;
  for (int i = 1; i <= 20; ++i) errors.push_back(failure_of(pool, fail, "many", i));
  EXPECT_EQ(pool.apply(opened_here, 0), 0);
  EXPECT_EQ(brood::platform::opened_for_names(), here);
  for (const auto& error : errors) {
    look_at(error, [](const auto& e) { EXPECT_HAS(trace_of(e).remote_trace(), "messages::fail"); });
  }
  // The files of the test program: its symbols, its lines.
  const auto after = brood::platform::opened_for_names();
  EXPECT_LE(after, here + 2);
  look_at(failure_of(pool, fail, "one more", 1),
          [](const auto& e) { EXPECT_HAS(trace_of(e).remote_trace(), "messages::fail"); });
  EXPECT_EQ(brood::platform::opened_for_names(), after);
}

// A file that names were found in stays open: it is opened once, whoever looks.
TEST(Trace, opens_a_file_only_for_the_first_look) {
  const auto descriptors = [] {
    std::vector<std::string> open;
    for (int fd = 0; fd < 1024; ++fd) {
      if (fcntl(fd, F_GETFD) < 0) continue;
      open.push_back(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string());
    }
    return open;
  };
  const auto look = [] {
    std::exception_ptr error;
    {
      brood::Pool pool(1);
      error = failure_of(pool, fail, "x", 1);
    }
    look_at(error, [](const auto& e) { EXPECT_FALSE(trace_of(e).remote_trace().empty()); });
  };
  look();
  const auto before = descriptors();
  look();
  EXPECT_EQ(descriptors(), before);
}

TEST(Trace, is_that_of_the_exception_which_left_the_task) {
  brood::Pool pool(1);
  look_at(failure_of(pool, fail_after_others, 1), [](const auto& e) {
    EXPECT_STREQ(e.what(), "last");
    EXPECT_HAS(trace_of(e).remote_trace(), "messages::fail_after_others");
    EXPECT_LACKS(trace_of(e).remote_trace(), "Tidy");
  });
  // One that this thread has not thrown has none, rather than another's.
  look_at(failure_of(pool,
                     [] {
                       try {
                         fail("caught", 1);
                       } catch (const std::exception&) {
                       }
                       std::rethrow_exception(std::make_exception_ptr(std::logic_error("made")));
                     }),
          [](const auto& e) { EXPECT_EQ(trace_of(e).remote_trace(), ""); });
}

TEST(Trace, of_what_the_standard_library_throws_for_a_caller_leads_to_the_caller) {
  brood::Pool pool(1);
  look_at(failure_of(
              pool, [](int n) { return std::stoi(std::string(static_cast<std::size_t>(n), 'x')); }, 3),
          [](const auto& e) { EXPECT_HAS(trace_of(e).remote_trace(), "lambda"); });
}

TEST(Trace, names_function_arguments_and_worker) {
  brood::Pool pool(1);
  const auto pid = pool.apply(getpid);
  look_at(failure_of(pool, fail, "x", 3), [&](const auto& e) {
    EXPECT_EQ(trace_of(e).remote_task(),
              "messages::fail(std::string const&, int) called with (\"x\", 3) in PoolWorker-1 (pid " +
                  std::to_string(pid) + ")");
  });
}

TEST(Trace, of_a_task_of_a_pool_in_a_task_names_both) {
  brood::Pool pool(1);
  look_at(failure_of(
              pool, [](int n) { return brood::Pool(1).apply(fail, "deep", n); }, 5),
          [](const auto& e) {
            const auto task = trace_of(e).remote_task();
            EXPECT_HAS(task, "messages::fail(std::string const&, int) called with (\"deep\", 5)");
            EXPECT_HAS(task, "called with (5)");
            EXPECT_EQ(count_of(task, "\n"), 1U);
            EXPECT_HAS(trace_of(e).remote_trace(), "messages::fail(");
          });
}

TEST(Trace, can_be_looked_at_when_the_worker_is_gone_and_by_many_threads) {
  std::exception_ptr error;
  {
    brood::Pool pool(1);
    error = failure_of(pool, fail, "x", 1);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      look_at(error, [](const auto& e) { EXPECT_HAS(trace_of(e).remote_trace(), "messages::fail"); });
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Trace, in_a_module_that_only_the_worker_has_loaded_is_found) {
  brood::Pool pool(1);
  const auto module = run_program::path_of("libbrood_test_late.so");
  look_at(failure_of(
              pool,
              [](const std::string& path) {
                void* late = dlopen(path.c_str(), RTLD_NOW);
                if (late == nullptr) throw std::logic_error(dlerror());
                reinterpret_cast<void (*)(int)>(dlsym(late, "late_throw"))(7);
              },
              module),
          [](const auto& e) {
            EXPECT_STREQ(e.what(), "late");
            EXPECT_HAS(trace_of(e).remote_trace(), "late_throw");
          });
  EXPECT_EQ(dlopen(module.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr);
}

TEST(Trace, folds_a_recursion_and_says_stack_overflow) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer has handlers of its own";
#endif
  brood::Pool pool(1);
  look_at(failure_of(pool, overflows, 1), [](const auto& e) {
    const auto& death = dynamic_cast<const brood::WorkerDied&>(e);
    EXPECT_HAS(std::string(death.what()), "stack overflow");
    EXPECT_LE(count_of(death.stack(), "messages::sum_down"), 2U) << death.stack();
    EXPECT_HAS(death.stack(), "times more");
    const std::string what = death.what();
    EXPECT_HAS(what.substr(what.rfind("it was in")), "messages::sum_down");
  });
}

// ---- std::throw_with_nested

TEST(Nested, arrives_as_its_outer_type_with_its_cause_inside) {
  brood::Pool pool(1);
  try {
    pool.apply(fail_with_logic, 1);
    ADD_FAILURE();
  } catch (const std::logic_error& e) {
    EXPECT_STREQ(e.what(), "outer");
    EXPECT_HAS(trace_of(e).remote_trace(), "fail_with_logic");
    EXPECT_EQ(trace_of(e).remote_type(), "std::logic_error");
    EXPECT_EQ(text_of<std::invalid_argument>([&] { std::rethrow_if_nested(e); }), "cause");
  }
}

TEST(Nested, of_own_and_of_unknown_types_arrives_too_also_through_two_pools) {
  brood::Pool pool(1);
  const auto look = [](const std::exception& e) {
    EXPECT_STREQ(e.what(), "messages::Unsendable: outermost");
    try {
      std::rethrow_if_nested(e);
      ADD_FAILURE();
    } catch (const Torn& torn) {
      EXPECT_EQ(torn.page, 3);
      EXPECT_EQ(text_of<std::invalid_argument>([&] { std::rethrow_if_nested(torn); }), "cause");
    }
  };
  look_at(failure_of(pool, fail_three_deep, 3), look);
  look_at(failure_of(
              pool, [](int n) { return brood::Pool(1).apply(fail_three_deep, n); }, 3),
          look);
}

TEST(Nested, of_a_type_with_a_codec_keeps_it_through_two_pools) {
  brood::Pool pool(1);
  try {
    pool.apply([](int n) -> int { return brood::Pool(1).apply([](int p) -> int { throw Torn(p); }, n); }, 9);
    ADD_FAILURE();
  } catch (const Torn& e) {
    EXPECT_EQ(e.page, 9);
  }
}

// ---- what was thrown

TEST(Thrown, that_is_no_exception_is_told_with_its_value) {
  brood::Pool pool(1);
  const auto text = [&](auto f) { return text_of<brood::RemoteError>([&] { pool.apply(f); }); };
  EXPECT_EQ(text([] { throw 42; }), "an int was thrown, which is not a std::exception: 42");
  EXPECT_EQ(text([] { throw 2.5; }), "a double was thrown, which is not a std::exception: 2.5");
  EXPECT_EQ(text([] { throw true; }), "a bool was thrown, which is not a std::exception: true");
  EXPECT_EQ(text([] { throw "a text"; }),
            "a char const* was thrown, which is not a std::exception: \"a text\"");
  EXPECT_EQ(text([] { throw std::string("of\nlines"); }),
            "a std::string was thrown, which is not a std::exception: \"of?lines\"");
  EXPECT_HAS(text([] { throw std::vector<std::string>(); }),
             "a std::vector<std::string> was thrown, which is not a std::exception");
  // A pointer that leads nowhere.
  EXPECT_EQ(text([] { throw reinterpret_cast<const char*>(std::uintptr_t{16}); }),
            "a char const* was thrown, which is not a std::exception");
  EXPECT_EQ(pool.counts().restarts, 0U);
}

TEST(Thrown, whose_text_is_null_says_so) {
  brood::Pool pool(1);
  EXPECT_EQ(text_of<brood::RemoteError>([&] { pool.apply([] { throw Silent(); }); }),
            "messages::Silent: (its what() is a null pointer)");
}

TEST(Thrown, is_nothing_when_a_task_ends_its_thread) {
  brood::Pool pool(1);
  EXPECT_HAS(text_of<brood::UsageError>([&] { pool.apply(leaves_its_thread, 1); }), "pthread_exit");
  EXPECT_EQ(pool.apply(twice, 2), 4);
}

TEST(Thrown, into_a_promise_must_be_an_exception) {
  brood::Promise<int> promise;
  auto future = promise.get_future();
  EXPECT_THROW(promise.set_exception(nullptr), brood::UsageError);
  promise.set_result(3);
  EXPECT_EQ(future.get(60s), 3);
}

TEST(Thrown, by_a_broken_pool_is_each_futures_own) {
  brood::Pool pool(2, [] { throw std::runtime_error("no beginning"); });
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 4; ++i) {
    try {
      futures.push_back(pool.apply_async(twice, i));
    } catch (const brood::PoolBroken&) {  // it was faster
    }
  }
  std::vector<const void*> objects;
  for (auto& future : futures)
    look_at(future.exception(60s), [&](const auto& e) { objects.push_back(dynamic_cast<const void*>(&e)); });
  std::vector<std::exception_ptr> refused;
  for (int i = 0; i < 2; ++i) {
    try {
      pool.apply_async(twice, i);
      ADD_FAILURE();
    } catch (const brood::PoolBroken& e) {
      EXPECT_HAS(std::string(e.what()), "no beginning");
      objects.push_back(&e);
      refused.push_back(std::current_exception());  // keeps its place
    }
  }
  std::ranges::sort(objects);
  EXPECT_TRUE(std::ranges::adjacent_find(objects) == objects.end());
}

TEST(Advice, to_a_task_whose_worker_has_threads_can_be_followed) {
  const auto task = [] {
    std::atomic<bool> end{false};
    std::thread thread([&] {
      while (!end) std::this_thread::yield();
    });
    int code = -1;
    std::string text;
    try {
      brood::Process process(twice, 1);
      process.start();
      process.join();
      code = process.exitcode().value();
    } catch (const brood::UsageError& e) {
      text = e.what();
    }
    end = true;
    thread.join();
    return code == 0 ? std::string("it ran") : text;
  };
  brood::Pool pool(1);
  const auto text = pool.apply(task);
  EXPECT_HAS(text, "call brood::renew_server() in the pool's initializer");
  EXPECT_LACKS(text, ".nests");
  brood::Pool prepared(1, [] { brood::renew_server(); });
  EXPECT_EQ(prepared.apply(task), "it ran");
}

// ---- limits

TEST(Limit, of_memory_names_the_task) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer's own memory is larger than the limit";
#endif
  brood::Pool pool(1);
  const auto text = text_of<brood::MemoryLimitExceeded>(
      [&] { pool.apply({.memory_limit = std::size_t{256} << 20}, hungry, "a lot"); });
  EXPECT_HAS(text, "messages::hungry(std::string) called with (\"a lot\") in PoolWorker-1");
  EXPECT_HAS(text, "268435456 bytes");
}

TEST(Limit, of_time_names_the_task) {
  brood::Pool pool(1);
  EXPECT_HAS(
      text_of<brood::DeadlineExceeded>([&] { pool.apply({.time_limit = 20ms, .grace = 1ms}, sleepy, 5); }),
      "messages::sleepy(int) called with (5) was not done by its time limit of 20 ms");
}

TEST(Limit, of_a_wait_names_the_task_and_the_time) {
  brood::Pool pool(1);
  auto future = pool.apply_async(sleepy, 6);
  EXPECT_EQ(text_of<brood::TimeoutError>([&] { future.get(20ms); }),
            "messages::sleepy(int) called with (6) has not ended after a wait of 20 ms; it goes on, and its "
            "result may "
            "be waited for again");
  EXPECT_HAS(text_of<brood::TimeoutError>([&] { future.exception(0s); }), "messages::sleepy(int)");
  pool.terminate();
}

// ---- names

TEST(PlainName, leaves_out_what_is_the_default) {
  const auto plain = [](const auto& value) { return brood::platform::readable(typeid(value).name()); };
  EXPECT_EQ(plain(std::string()), "std::string");
  EXPECT_EQ(plain(std::wstring_view()), "std::wstring_view");
  EXPECT_EQ(plain(std::vector<std::vector<std::string>>()), "std::vector<std::vector<std::string>>");
  EXPECT_EQ((plain(std::map<std::string, std::vector<int>>())), "std::map<std::string, std::vector<int>>");
  EXPECT_EQ((plain(std::unordered_map<std::string, int>())), "std::unordered_map<std::string, int>");
  EXPECT_EQ(plain(std::optional<std::string>()), "std::optional<std::string>");
  EXPECT_EQ(plain(std::unique_ptr<std::string>()), "std::unique_ptr<std::string>");
  EXPECT_EQ(plain(std::deque<char>()), "std::deque<char>");
  EXPECT_EQ(plain(1ms), "std::chrono::milliseconds");
  EXPECT_EQ((plain(std::vector<bool, std::allocator<bool>>())), "std::vector<bool>");
}

TEST(PlainName, keeps_what_is_not) {
  for (const char* name :
       {"std::map<int, int, std::greater<int>>", "std::vector<int, my::allocator<int>>",
        "my::vector<int, std::allocator<int>>", "operator<(my::A, my::A)", "bool my::operator<<<int>(int)",
        "main::{lambda(int)#1}::operator()(int) const", "my::f(int (*)(char))", "my::A<(3>2)>::f()", "f<(",
        "", "a<b<c", "std::vector<", ">>>", "x->y<int>()"}) {
    EXPECT_EQ(brood::plain_name(name), name);
  }
  EXPECT_EQ(brood::plain_name(std::string(10000, '<')), std::string(10000, '<'));
}

// ---- whole programs

TEST(Uncaught, failure_of_a_task_is_told_with_task_and_stack) {
  const auto ran = run({"uncaught", "task"});
  EXPECT_EQ(ran.code, -SIGABRT);
  EXPECT_HAS(ran.err, "std::runtime_error: bread is burnt");
  EXPECT_HAS(ran.err,
             "in bakery::bake_all(std::string, int) called with (\"bread\", 301) in PoolWorker-1 (pid ");
  EXPECT_HAS(ran.err, "#0 bakery::bake(std::string const&, int)");
  EXPECT_HAS(ran.err, "#1 bakery::bake_all(std::string, int)");
  EXPECT_HAS(ran.err, "bakery::call(");
  EXPECT_LACKS(ran.err, "Rebuilt");
  EXPECT_LACKS(ran.err, "terminate called");
  EXPECT_LACKS(ran.err, "basic_string");
}

TEST(Uncaught, failures_of_other_kinds_are_told) {
  EXPECT_HAS(run({"uncaught", "library"}).err, "bakery::take(std::vector<int>)");
  const auto nested = run({"uncaught", "nested"}).err;
  EXPECT_HAS(nested, "std::logic_error: no breakfast");
  EXPECT_HAS(nested, "caused by std::runtime_error: cake is burnt");
  EXPECT_HAS(run({"uncaught", "number"}).err, "an int was thrown, which is not a std::exception: 42");
  EXPECT_HAS(run({"uncaught", "thing"}).err, "a bakery::Burnt was thrown, which is not a std::exception");
  const auto two = run({"uncaught", "two_pools"}).err;
  EXPECT_HAS(two, "bakery::bake_all(std::string, int) called with (\"rolls\", 302)");
  EXPECT_HAS(two, "bakery::pass_on(int) called with (302)");
}

TEST(Uncaught, death_of_a_worker_is_told_with_its_stack) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer has handlers of its own";
#endif
  const auto ran = run({"uncaught", "crash"});
  EXPECT_HAS(ran.err, "bakery::crash(int) called with (7) in PoolWorker-1");
  EXPECT_HAS(ran.err, "was killed by SIGSEGV; it was in bakery::crash(int)");
  EXPECT_HAS(ran.err, "#0 bakery::crash(int)");
  EXPECT_HAS(run({"uncaught", "overflow"}).err, "stack overflow");
}

TEST(Uncaught, exception_leaves_the_programs_own_handler_its_turn) {
  const auto ran = run({"uncaught", "handler"});
  EXPECT_EQ(ran.code, 9);
  EXPECT_EQ(ran.out, "the program's handler\n");
  EXPECT_HAS(ran.err, "bakery::bake_all(std::string, int) called with (\"bread\", 301)");
}

TEST(Uncaught, exception_of_the_programs_own_is_told_as_ever) {
  const auto ran = run({"uncaught", "own"});
  EXPECT_EQ(ran.code, -SIGABRT);
  EXPECT_HAS(ran.err, "terminate called after throwing an instance of 'brood::UsageError'");
  EXPECT_LACKS(ran.err, "a task failed");
}

TEST(Unseen, failures_name_their_tasks) {
  const auto ran = run({"uncaught", "lose"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_HAS(ran.err, "4 tasks failed and nobody looked at their results");
  EXPECT_HAS(
      ran.err,
      "3 x bread is burnt; the first in bakery::bake_all(std::string, int) called with (\"bread\", 301)");
  EXPECT_HAS(ran.err, "tart is burnt; in bakery::bake_all(std::string, int) called with (\"tart\", 350)");
}

TEST(Uncaught, end_of_a_process_is_told) {
  const auto ran = run({"uncaught", "children"});
  EXPECT_EQ(ran.code, 0);
  for (const char* name : {"oven", "copy", "egg"}) {
    const auto at = ran.err.find("brood: " + std::string(name) + " (pid ");
    ASSERT_NE(at, std::string::npos) << name << " in:\n" << ran.err;
    const auto line = ran.err.substr(at, ran.err.find('\n', at) - at);
    EXPECT_HAS(line, "was killed by SIGSEGV");
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_HAS(line, "in bakery::crash(int)");
#endif
  }
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_HAS(ran.err, "was killed by SIGSEGV (stack overflow) in bakery::overflow(int volatile*)");
#endif
  EXPECT_HAS(ran.err, "brood: shop (pid ");
  EXPECT_HAS(ran.err, "was killed by SIGTERM\n");
  EXPECT_LACKS(ran.err, "quiet");
  EXPECT_HAS(ran.err, "called with (\"pie\", 303)");
  EXPECT_HAS(ran.err, "no breakfast");
  EXPECT_HAS(ran.err, "caused by std::runtime_error: cake is burnt");
  EXPECT_LACKS(ran.err, "exception not rethrown");
  EXPECT_LACKS(ran.err, "brood: thread ");
  EXPECT_EQ(ran.out, "the thread has ended\n");
}

}  // namespace
