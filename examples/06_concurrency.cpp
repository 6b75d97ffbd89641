// Three tasks on one processor take turns: concurrency. On several
// processors they run at the same instant: parallelism.
// Varies: [█·]+
// Varies: [0-9]+ processors

#include <sched.h>

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <set>
#include <vector>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Pictures = brood::Queue<std::string>;

// [tour
void task(std::string name, Clock::time_point begin, int only,
          Pictures pictures) {
  if (only >= 0) {  // this processor and no other
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    CPU_SET(only, &allowed);
    sched_setaffinity(0, sizeof allowed, &allowed);
  }
  // Read the clock all the time. When it jumps, others had the processor.
  std::vector<Clock::duration> worked(56);  // in each millisecond
  const auto end = begin + worked.size() * 1ms;
  for (auto last = Clock::now(); last < end;) {
    const auto now = Clock::now();
    if (last >= begin && now - last < 200us)
      worked.at(static_cast<std::size_t>((last - begin) / 1ms)) +=
          now - last;
    last = now;
  }
  std::string picture = name;
  for (const auto time : worked) picture += time > 500us ? "█" : "·";
  pictures.put(picture);
}
// tour]

void three_tasks(int only) {
  Pictures pictures;
  const auto begin = Clock::now() + 100ms;  // all at the same time
  for (const char* name : {"task 1 ", "task 2 ", "task 3 "})
    brood::Process(task, name, begin, only, pictures).start();
  std::set<std::string> sorted;
  while (sorted.size() < 3) sorted.insert(pictures.get(10s));
  for (const auto& picture : sorted) std::puts(picture.c_str());
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::puts("concurrency: one processor");
  three_tasks(sched_getcpu());
  std::printf("parallelism: %d processors\n", brood::usable_cpu_count());
  three_tasks(-1);
}
