// A folder of many files copied by one process, then by a pool.
// Prints: one process: 300 files, complete.*pool: 300 files, complete

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;

void show(const char* who, const brood::CopyReport& report) {
  std::printf("%s: %llu files, %s, %.3f s\n", who, static_cast<unsigned long long>(report.files),
              report.complete() ? "complete" : "with errors", report.seconds);
  for (const auto& error : report.errors) std::printf("  %s: %s\n", error.path.c_str(), error.what.c_str());
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const fs::path work = fs::temp_directory_path() / ("brood-example-" + std::to_string(getpid()));
  for (int i = 0; i < 300; ++i) {
    const fs::path file = work / "from" / std::to_string(i / 50) / ("file " + std::to_string(i));
    fs::create_directories(file.parent_path());
    std::ofstream(file) << std::string(static_cast<std::size_t>(i) * 20, 'x');
  }
  brood::SerialExecutor alone;
  show("one process", brood::copy_tree(alone, work / "from", work / "to 1"));
  brood::Pool pool(2, brood::prepare_copy_worker);
  show("pool", brood::copy_tree(pool, work / "from", work / "to 2"));
  fs::remove_all(work);
}
