// What costs nothing while nothing is to be done; and a thousand workers.

#include <unistd.h>

#include <algorithm>
#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "floors/floors.hpp"
#include "harness.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;

int nothing(int x) { return x; }

// Switches and ticks of all threads and processes of the bench but the one that measures.
struct Used {
  double switches = 0, ticks = 0;
};
void add(Used& to, const std::filesystem::path& thread) {
  std::ifstream status(thread / "status");
  for (std::string line; std::getline(status, line);) {
    if (const auto at = line.find("ctxt_switches:"); at != std::string::npos)
      to.switches += std::strtod(line.c_str() + at + 14, nullptr);
  }
  std::ifstream stat(thread / "stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;  // fields 3 to 13
  double user = 0, system = 0;
  rest >> user >> system;
  to.ticks += user + system;
}
Used used(pid_t pid) {
  Used all;
  std::error_code gone;
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& thread : std::filesystem::directory_iterator(tasks, gone)) {
    if (thread.path().filename() != std::to_string(getpid())) add(all, thread.path());
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      const auto more = used(child);
      all.switches += more.switches;
      all.ticks += more.ticks;
    }
  }
  return all;
}

Used of_ten_seconds() {
  std::this_thread::sleep_for(1s);
  const auto before = used(getpid());
  std::this_thread::sleep_for(10s);
  const auto after = used(getpid());
  return {after.switches - before.switches, after.ticks - before.ticks};
}

double idle_pool(double Used::*figure) {
  brood::Pool pool(2);
  for (int i = 0; i < 1000; ++i) pool.apply_async(nothing, i);
  pool.apply(nothing, 0);
  return of_ten_seconds().*figure;
}
double idle_reader(double Used::*figure) {
  brood::Queue<int> queue;
  brood::Process reader([](brood::Queue<int> q) { q.get(); }, queue);
  reader.start();
  const double count = of_ten_seconds().*figure;
  queue.put(0);
  reader.join();
  return count;
}
Case idle_case(const char* name, const char* unit, double Used::*figure) {
  return {name,
          unit,
          false,
          {{"brood Pool(2)", [figure] { return idle_pool(figure); }},
           {"brood Queue, a waiting reader", [figure] { return idle_reader(figure); }}},
          true,
          1};
}

constexpr int many = 1000;

// KiB that a process has for itself, a part of what it shares with others counted in.
double share_of_memory(int pid) {
  const auto path = "/proc/" + std::to_string(pid) + "/smaps_rollup";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"), &std::fclose);
  char line[256];
  double kib = -1;
  while (file && kib < 0 && std::fgets(line, sizeof line, file.get()) != nullptr) {
    if (std::sscanf(line, "Pss: %lf", &kib) != 1) kib = -1;
  }
  return kib;
}

int who(int) {
  std::this_thread::sleep_for(1ms);
  return getpid();
}

void await_all(const brood::Pool& pool) {
  while (pool.counts().workers < many) std::this_thread::sleep_for(1ms);
}

double thousand_ready() {
  const Metered metered(many);
  brood::Pool pool(many);
  await_all(pool);
  pool.apply(nothing, 0);
  return metered.seconds() * 1e3;
}
double memory_of_forked() {
  const floors::ManyForked all(many);
  return share_of_memory(all.pids().back());
}
double memory_of_one() {
  constexpr int looked_at = 20;
  brood::Pool pool(many);
  await_all(pool);
  double sum = 0;
  for (int i = 0; i < looked_at; ++i) {
    const double kib = share_of_memory(pool.apply(who, 0));
    if (kib < 0) return -1;
    sum += kib;
  }
  return sum / looked_at;
}
// A tenth of them, times ten: a thousand take half a minute.
double python_thousand() {
  return python(
      "import multiprocessing as m, time\n"
      "def f(x): return x\n"
      "t=time.time(); p=m.Pool(100); p.apply(f,(1,)); print((time.time()-t)*1e4)\n"
      "p.terminate()",
      many / 10.0);
}

}  // namespace

std::vector<Case> idle_cases() {
  return {
      idle_case("switches in 10 s while nothing is to be done", "switches", &Used::switches),
      idle_case("processor ticks in 10 s while nothing is to be done", "ticks", &Used::ticks),
      {"a pool of 1,000 ready for work",
       "ms",
       false,
       {{"brood", thousand_ready},
        {"Python multiprocessing.Pool(100), times 10", python_thousand},
        {"floor: raw forks that say that they are there", [] { return floors::forked_ready(many) * 1e3; }}},
       false,
       2},
      {"memory of one of 1,000 idle workers",
       "KiB",
       false,
       {{"brood", memory_of_one}, {"floor: a raw fork that sleeps", memory_of_forked}},
       false,
       1},
  };
}

}  // namespace bench
