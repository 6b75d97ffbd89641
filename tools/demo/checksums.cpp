// The demo's first part, work that a pool makes faster: the SHA-256 sums of many files, with one process and
// with pools.
//
//   checksums MB LIST FOLDER...   sums so many MB of the files below the folders, and writes the list of
//                                 `sha256sum`, which can check it

#include <algorithm>
#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sha256.hpp"

namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::uintmax_t largest = 4'000'000;  // of a file: one alone must not be what everybody waits for
constexpr int rounds = 3;

// The sum of a file as text; empty when it cannot be read.
std::string sum(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  Sha256 sha;
  std::vector<char> piece(64 * 1024);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0)
    sha.add({reinterpret_cast<const unsigned char*>(piece.data()), static_cast<std::size_t>(file.gcount())});
  return file.bad() ? std::string() : sha.text();
}

struct Files {
  std::vector<std::string> paths;
  std::uintmax_t bytes = 0;
};

Files files_below(std::span<char*> folders, std::uintmax_t most) {
  Files found;
  for (const char* folder : folders) {
    std::error_code error;
    fs::recursive_directory_iterator next(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && next != fs::recursive_directory_iterator(); next.increment(error)) {
      std::error_code unknown;
      if (next->is_symlink(unknown) || !next->is_regular_file(unknown)) continue;
      const auto size = next->file_size(unknown);
      if (unknown || size > largest || found.bytes + size > most) continue;
      if (next->path().native().find_first_of("\\\n\r") != std::string::npos)
        continue;  // sha256sum escapes those
      found.bytes += size;
      found.paths.push_back(next->path().native());
    }
  }
  return found;
}

double seconds(const std::function<std::vector<std::string>()>& work, std::vector<std::string>& sums) {
  const auto begin = Clock::now();
  sums = work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Way {
  int processes;  // of the pool; 0: this process alone
  std::vector<double> took;
  double median() const {
    auto sorted = took;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

std::vector<std::string> sums_of(const Way& way, const Files& files, double& took) {
  std::vector<std::string> sums;
  if (way.processes == 0) {
    took = seconds(
        [&] {
          std::vector<std::string> all;
          for (const auto& path : files.paths) all.push_back(sum(path));
          return all;
        },
        sums);
  } else {
    brood::Pool pool(way.processes);
    took = seconds([&] { return pool.map(sum, files.paths); }, sums);
  }
  return sums;
}

void print(const std::vector<Way>& ways, const Files& files) {
  const double alone = ways.front().median();
  const auto mb = static_cast<double>(files.bytes) / 1e6;
  std::printf("\n%zu files, %.0f MB; median of %d rounds, the files in memory\n\n", files.paths.size(), mb,
              rounds);
  std::printf("%-12s %8s %9s %8s\n", "", "seconds", "MB/s", "speed");
  const Way* best = &ways.front();
  for (const auto& way : ways) {
    const std::string name = way.processes == 0 ? "one process" : "pool of " + std::to_string(way.processes);
    std::printf("%-12s %8.3f %9.1f %7.2fx\n", name.c_str(), way.median(), mb / way.median(),
                alone / way.median());
    if (way.median() < best->median()) best = &way;
  }
  if (best->processes > 0)
    std::printf("\nThe pool of %d was the fastest, %.2f times as fast as one process.\n", best->processes,
                alone / best->median());
  else
    std::puts("\nNo pool was faster: other programs kept the processors busy, or there is only one.");
}

bool write_list(const char* name, const Files& files, const std::vector<std::string>& sums) {
  std::ofstream list(name);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (!sums[i].empty()) list << sums[i] << "  " << files.paths[i] << '\n';
  }
  list.close();
  return static_cast<bool>(list);
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const long most_mb = argc > 3 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (most_mb <= 0) {
    std::fputs("usage: checksums MB LIST FOLDER...\n", stderr);
    return 2;
  }
  const std::span<char*> folders(argv + 3, argv + argc);
  const Files files = files_below(folders, static_cast<std::uintmax_t>(most_mb) * 1'000'000);
  std::vector<Way> ways{{0, {}}};
  for (int n = 1; n <= std::min(brood::usable_cpu_count(), 4); ++n) ways.push_back({n, {}});

  double took = 0;
  const auto sums = sums_of(ways.front(), files, took);  // not counted: all files are in memory then
  for (int round = 0; round < rounds; ++round) {
    for (auto& way : ways) {
      if (sums_of(way, files, took) != sums) {
        std::fputs("checksums: two ways came to different sums; were files changed meanwhile?\n", stderr);
        return 1;
      }
      way.took.push_back(took);
    }
  }
  print(ways, files);
  if (!write_list(argv[2], files, sums)) {
    std::fprintf(stderr, "checksums: %s cannot be written\n", argv[2]);
    return 1;
  }
  return 0;
}
