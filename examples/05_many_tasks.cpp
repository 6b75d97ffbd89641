// How many tasks does this machine have at this moment, for how many
// processors?
// Varies: [0-9 ]+$

#include <brood/brood.hpp>
#include <cctype>
#include <cstdio>
#include <filesystem>

namespace fs = std::filesystem;

// Linux shows each process as a folder, and in it each of its threads.
int count_numbers(const fs::path& folder) {
  std::error_code gone;  // a process may end while we look at it
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder, gone))
    count += std::isdigit(entry.path().filename().native()[0]) ? 1 : 0;
  return count;
}

int main() {
  int threads = 0;
  for (const auto& entry : fs::directory_iterator("/proc"))
    threads += count_numbers(entry.path() / "task");
  std::printf("processors: %6d\n", brood::cpu_count());
  std::printf("processes:  %6d\n", count_numbers("/proc"));
  std::printf("threads:    %6d\n", threads);
}
