// Programs that hang, in ways that SIGQUIT is to tell of. "noted" is printed when their waits are.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brood/brood.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "platform/linux/wait_table.hpp"

int crunch(int n) { return brood::Queue<int>().get() + n; }

namespace {

using brood::platform::WaitTable;

WaitTable& table() { return const_cast<WaitTable&>(*brood::platform::wait_table()); }

int notes() {
  int n = 0;
  for (const auto& entry : table().entries) n += entry.pid.load() != 0 && entry.size.load() != 0;
  return n;
}
void say_when_noted(int n) {
  while (notes() < n) std::this_thread::yield();
  std::puts("noted");
}

int get(brood::Queue<int> queue) { return queue.get(); }

// A process, a worker, and two threads of the program, which wait for each other.
void deadlock() {
  brood::Process process(get, brood::Queue<int>());
  process.start();
  brood::Pool pool(2);
  auto future = pool.apply_async(crunch, 7);
  std::thread joins([&] { process.join(); });
  std::thread tells([] { say_when_noted(5); });
  future.get();
}

void method(brood::StartMethod method) {
  brood::Process process({.method = method}, get, brood::Queue<int>());
  process.start();
  std::thread tells([] { say_when_noted(2); });
  process.join();
  tells.join();
  std::printf("ended with %d\n", process.exitcode().value_or(0));
}
// Others may end its child alone.
void child() {
  const brood::Queue<int> queue;
  brood::Process process(get, queue);
  process.start();
  std::printf("%d\n", process.pid().value_or(0));
  std::thread tells([] { say_when_noted(2); });
  process.join();
  tells.join();
  std::printf("ended with %d, %d notes are left\n", process.exitcode().value_or(0), notes());
}

void many() {
  const brood::Queue<int> queue;
  std::vector<std::thread> threads;
  for (int i = 0; i < 100; ++i) threads.emplace_back([queue] { get(queue); });
  say_when_noted(100);
  pause();
}

void crowd() {
  const brood::Queue<int> queue;
  std::vector<brood::Process> processes;
  for (int i = 0; i < 45; ++i) processes.emplace_back(get, queue).start();
  say_when_noted(45);
  pause();
}

// A full queue, a pool that takes no more, a promise, a stop token, a lazy map.
void others() {
  const brood::Queue<int> queue;
  brood::Queue<int> full(1);
  full.put(1);
  brood::Pool pool({.processes = 1, .max_pending = 1});
  pool.apply_async(get, queue);
  brood::Promise<int> promise;
  auto kept = promise.get_future();
  std::vector<std::thread> threads;
  threads.emplace_back([&] { full.put(2); });
  threads.emplace_back([&] { pool.apply_async(get, queue); });
  threads.emplace_back([&] { kept.get(); });
  threads.emplace_back([] {
    brood::Pool another(1);
    const std::vector<brood::Queue<int>> items(3);
    for (int n : another.imap(get, items)) std::printf("%d\n", n);
  });
  threads.emplace_back([] {
    brood::Pool another(1);
    another.apply_async(get, brood::Queue<int>());
    another.close();
    another.join();
  });
  say_when_noted(8);
  pause();
}

void noise() {
  std::minstd_rand dice(7);
  auto* const bytes = reinterpret_cast<unsigned char*>(&table());
  for (std::size_t i = 0; i < sizeof(WaitTable); ++i) bytes[i] = static_cast<unsigned char>(dice() >> 8);
  for (std::size_t i = 0; i < WaitTable::most; i += 2) {
    table().entries[i].pid.store(static_cast<std::uint32_t>(getpid()));
    table().entries[i].idle.store(i % 3 == 0 ? 1 : 0);
  }
  raise(SIGQUIT);
}

// Every entry is of a process that nobody has buried.
void abandoned() {
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  for (auto& entry : table().entries) entry.pid.store(static_cast<std::uint32_t>(gone));
  method(brood::StartMethod::forkserver);
}

void own(int) {
  static_cast<void>(!write(1, "own\n", 4));
  _exit(7);
}

void raise_in_a_copy() {
  const pid_t copy = fork();
  if (copy == 0) {
    raise(SIGQUIT);
    _exit(0);
  }
  int status = 0;
  waitpid(copy, &status, 0);
  std::printf("%d\n", WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

}  // namespace

int main(int argc, char** argv) {
  const rlimit none{0, 0};  // SIGQUIT would leave a core file
  setrlimit(RLIMIT_CORE, &none);
  const std::string mode = argc > 1 ? argv[1] : "";
  std::signal(SIGQUIT, SIG_DFL);  // whoever runs this may ignore it, as shells do in the background
  if (mode == "own before") std::signal(SIGQUIT, &own);
  if (mode == "ignored") std::signal(SIGQUIT, SIG_IGN);
  brood::init(argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (mode == "own after") std::signal(SIGQUIT, &own);
  if (mode == "ignored" || mode.starts_with("own")) {
    raise(SIGQUIT);
    std::puts("goes on");
  }
  if (mode == "deadlock") deadlock();
  if (mode == "child") child();
  if (mode == "fork") method(brood::StartMethod::fork);
  if (mode == "forkserver") method(brood::StartMethod::forkserver);
  if (mode == "spawn") method(brood::StartMethod::spawn);
  if (mode == "many") many();
  if (mode == "crowd") crowd();
  if (mode == "others") others();
  if (mode == "noise") noise();
  if (mode == "abandoned") abandoned();
  if (mode == "copy") raise_in_a_copy();
}
