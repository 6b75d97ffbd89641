// Pool: the rarer ways in which a task can end its process, or the process of a task be taken from it.

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "nothing_left.hpp"

namespace pool_causes {

int twice(int i) { return 2 * i; }

void no_core() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

int throw_in_a_thread() {
  no_core();
  std::thread([] { throw std::runtime_error("out of a thread"); }).join();
  return 1;
}
int leave_its_thread() {
  no_core();
  pthread_exit(nullptr);
}
int become(std::string program, std::string argument) {
  execl(program.c_str(), program.c_str(), argument.c_str(), nullptr);
  return errno;
}
int wait_for_ever(brood::Queue<int> begun) {
  begun.put(getpid());
  for (;;) pause();
}

enum class Colour { red, blue };
struct Page {
  int number;
};
int end_with(int, std::string, double, Colour, bool) { _exit(7); }
int end_with_page(std::string, Page, int) { _exit(7); }

// What the kernel thinks of the mapping of the arena.
std::string flags_of_arena() {
  const auto arena = reinterpret_cast<std::uintptr_t>(brood::arena::at(0, 1));
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) here = begin <= arena && arena < end;
    if (here && line.starts_with("VmFlags:")) return line + ' ';
  }
  return {};
}

}  // namespace pool_causes

namespace {

using namespace pool_causes;
using namespace std::chrono_literals;

template <class F>
brood::WorkerDied death_of(F f) {
  try {
    f();
  } catch (const brood::WorkerDied& e) {
    return e;
  }
  ADD_FAILURE() << "no worker died";
  return {"", 0, 0, 0, "", "", "", ""};
}

// One task ends in such a way; the tasks around it and the pool go on.
template <class... Args>
brood::WorkerDied costs_one(int (*f)(Args...), Args... args) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::vector<brood::Future<int>> good;
  for (int i = 0; i < 20; ++i) good.push_back(pool.apply_async(twice, i));
  auto bad = pool.apply_async(f, args...);
  for (int i = 20; i < 40; ++i) good.push_back(pool.apply_async(twice, i));
  auto death = death_of([&] { bad.get(30s); });
  for (int i = 0; i < 40; ++i) EXPECT_EQ(good[static_cast<std::size_t>(i)].get(30s), 2 * i);
  EXPECT_TRUE(nothing_left::soon([&] { return pool.counts().workers == 2; }));
  EXPECT_EQ(pool.apply(twice, 3), 6);
  return death;
}

TEST(PoolCause, an_exception_out_of_a_thread_of_the_task) {
  const auto death = costs_one(throw_in_a_thread);
  EXPECT_EQ(death.signal(), SIGABRT);
  EXPECT_NE(death.last_lines().find("out of a thread"), std::string::npos) << death.last_lines();
}

TEST(PoolCause, a_task_that_leaves_its_thread) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  std::vector<brood::Future<int>> good;
  for (int i = 0; i < 20; ++i) good.push_back(pool.apply_async(twice, i));
  auto bad = pool.apply_async(leave_its_thread);
  for (int i = 20; i < 40; ++i) good.push_back(pool.apply_async(twice, i));
  EXPECT_THROW(bad.get(30s), brood::UsageError);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(good[static_cast<std::size_t>(i)].get(30s), 2 * i);
  EXPECT_TRUE(nothing_left::soon([&] { return pool.counts().workers == 2; }));
  EXPECT_EQ(pool.apply(twice, 3), 6);
}

TEST(PoolCause, another_program_in_the_place_of_the_worker) {
  const auto death = costs_one<std::string, std::string>(become, "/bin/sh", "-c");  // sh: -c asks for more
  EXPECT_EQ(death.exit_code(), 2);
  EXPECT_NE(death.last_lines().find("-c"), std::string::npos) << death.last_lines();
}

TEST(PoolCause, another_program_that_does_not_end_meets_the_deadline) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  auto late = pool.apply_async({.deadline = 300ms, .grace = 10ms}, become, "/bin/sleep", "1000");
  EXPECT_THROW(late.get(30s), brood::DeadlineExceeded);
  EXPECT_EQ(pool.apply(twice, 3), 6);
}

TEST(PoolCause, a_worker_stopped_for_ever_meets_the_deadline) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  brood::Queue<int> begun;
  auto late = pool.apply_async({.time_limit = 300ms, .grace = 10ms}, wait_for_ever, begun);
  kill(begun.get(30s), SIGSTOP);
  EXPECT_THROW(late.get(30s), brood::DeadlineExceeded);
  EXPECT_EQ(pool.apply(twice, 3), 6);
}

// Somebody else in the program waits for all children, brood's too.
TEST(PoolCause, somebody_else_has_taken_the_status) {
  brood::Pool pool(1);
  brood::Queue<int> begun;
  auto future = pool.apply_async(wait_for_ever, begun);
  const int victim = begun.get(30s);
  std::jthread thief([&] {
    while (waitpid(victim, nullptr, __WALL) != victim && errno == EINTR) {
    }
  });
  kill(victim, SIGKILL);
  const auto death = death_of([&] { future.get(30s); });
  EXPECT_TRUE(death.signal() == SIGKILL ||
              std::string(death.what()).find("nobody knows how") != std::string::npos)
      << death.what();
  EXPECT_EQ(pool.apply(twice, 3), 6);
}

TEST(PoolCause, a_core_of_a_worker_has_no_arena_in_it) {
  brood::Pool pool(1);
  EXPECT_NE(pool.apply(flags_of_arena).find(" dd "), std::string::npos);  // "do not dump"
  EXPECT_NE(flags_of_arena().find(" dd "), std::string::npos);
}

TEST(PoolCause, is_told_with_the_arguments) {
  brood::Pool pool(1);
  const std::string lines = "two\nlines";
  const auto all = death_of([&] { pool.apply(end_with, -3, lines, 0.5, Colour::blue, true); });
  EXPECT_EQ(all.arguments(), "-3, \"two?lines\", 0.5, 1, true");
  EXPECT_NE(std::string(all.what()).find(") called with (-3, "), std::string::npos) << all.what();
  // Far away, cut short, and up to what only its own code could tell.
  const auto some = death_of([&] { pool.apply(end_with_page, std::string(100'000, 'x'), Page{3}, 4); });
  EXPECT_EQ(some.arguments(), '"' + std::string(40, 'x') + "...\", ...");
  const auto none = death_of([&] { pool.apply([](Page page) { _exit(page.number); }, Page{3}); });
  EXPECT_EQ(none.arguments(), "");
  const auto item = death_of([&] {
    pool.map([](int i, int m) { return i == 7 ? (_exit(1), 0) : i % m; }, std::vector{5, 6, 7, 8}, 100);
  });
  EXPECT_EQ(item.arguments(), "7, 100");
}

}  // namespace
