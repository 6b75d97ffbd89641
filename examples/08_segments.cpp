// A process has its own text (code), data and stack. A child has the same
// addresses, and other memory behind them.
// Varies: [0-9a-f]{6,}
// Varies: [0-9 ]+ kB

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdint>
#include <cstdio>
#include <fstream>

// The line of /proc/self/maps that an address belongs to.
void show(const char* segment, const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0, to = 0;
    char rights[5] = "";
    std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, rights);
    if (from <= at && at < to)
      std::printf("  %-5s %s %6lu kB from %lx\n", segment, rights,
                  (to - from) / 1024, from);
  }
}

// [tour
int number = 100;  // in the data segment

void show_all(std::string who) {
  const int local = 0;  // on the stack
  std::printf("%s, pid %d\n", who.c_str(), getpid());
  show("text", reinterpret_cast<const void*>(&show_all));
  show("data", &number);
  show("stack", &local);
  std::printf("  number at %p is %d\n", static_cast<void*>(&number),
              number);
  std::fflush(stdout);
}

void child() {
  number += 1;
  show_all("child");
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  show_all("program");
  brood::Process process(child);
  process.start();
  process.join();
  std::printf("program: number is still %d\n", number);
}
// tour]
