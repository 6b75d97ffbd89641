#include "dying.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <brood/brood.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

namespace deaths {
namespace {

void tell_ready() { static_cast<void>(!write(STDOUT_FILENO, "ready\n", 6)); }

void sleep_for_ever(brood::Queue<int> begun) {
  begun.put(getpid());
  for (;;) pause();
}
void work_for_ever(brood::Queue<int> begun) {
  begun.put(getpid());
  for (;;) asm volatile("");
}
void deaf(brood::Queue<int> begun) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  work_for_ever(begun);
}
void starts_programs(brood::Queue<int> begun) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  for (int i = 0; i < 2; ++i) {
    if (fork() == 0) {
      execl("/bin/sleep", "sleep", "1000", nullptr);
      _exit(127);
    }
  }
  sleep_for_ever(begun);
}
int add(int a, int b) { return a + b; }

void nest(int depth, brood::Queue<int> begun) {
  if (depth == 0) return sleep_for_ever(begun);
  brood::Pool pool(2);
  auto one = pool.apply_async(nest, depth - 1, begun);
  auto other = pool.apply_async(nest, depth - 1, begun);
  one.wait();
}

using Task = void (*)(brood::Queue<int>);

// Four workers with such a task each.
void hold(Task task, bool stop) {
  static auto& pool = *new brood::Pool(4);
  brood::Queue<int> begun;
  std::vector<int> pids;
  for (int i = 0; i < 4; ++i) pool.apply_async(task, begun).wait(std::chrono::milliseconds(0));
  for (int i = 0; i < 4; ++i) pids.push_back(begun.get(std::chrono::seconds(30)));
  for (const int pid : pids) {
    if (stop) kill(pid, SIGSTOP);
  }
  tell_ready();
}

// The death comes while the pool is made.
void starting() {
  tell_ready();
  for (;;) brood::Pool(4).apply(add, 1, 2);
}
// While tasks come and go.
void flowing() {
  brood::Pool pool(4);
  pool.apply(add, 1, 2);
  tell_ready();
  for (;;) {
    std::vector<brood::Future<int>> sums;
    for (int i = 0; i < 100; ++i) sums.push_back(pool.apply_async(add, i, 1));
    for (auto& sum : sums) sum.get();
  }
}
void nested() {
  static auto& pool = *new brood::Pool(2);
  brood::Queue<int> begun;
  auto one = pool.apply_async(nest, 2, begun);
  auto other = pool.apply_async(nest, 2, begun);
  for (int i = 0; i < 8; ++i) begun.get(std::chrono::seconds(30));
  tell_ready();
  one.wait();
}

void enter(const std::string& state) {
  if (state == "starting") return starting();
  if (state == "flowing") return flowing();
  if (state == "nested") return nested();
  if (state == "busy") return hold(work_for_ever, false);
  if (state == "stopped") return hold(sleep_for_ever, true);
  if (state == "deaf") return hold(deaf, false);
  if (state == "programs") return hold(starts_programs, false);
}

// By its own hand, when the byte comes.
void end_by(const std::string& way) {
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) < 0) {
  }
  if (way == "abort") std::abort();
  if (way == "exec") execl("/bin/true", "true", nullptr);
  if (way == "_exit") _exit(3);
  for (;;) pause();
}

}  // namespace

const std::vector<State>& states() {
  static const std::vector<State> all = {{"starting", 0}, {"flowing", 4}, {"busy", 4},     {"stopped", 4},
                                         {"nested", 14},  {"deaf", 4},    {"programs", 12}};
  return all;
}

const std::vector<std::string>& ways() {
  static const std::vector<std::string> all = {"SIGKILL", "SIGTERM", "SIGINT", "abort", "exec", "_exit"};
  return all;
}

int die(int argc, char** argv, const std::string& state, const std::string& way) {
  brood::init(argc, argv);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  std::thread(end_by, way).detach();
  enter(state);
  for (;;) pause();
}

}  // namespace deaths
