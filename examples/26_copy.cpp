// A folder of many files copied by one process, then by a pool of four.
// Varies: [0-9]+ %

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;

void make_files(const fs::path& folder) {
  for (int i = 0; i < 1000; ++i) {
    const fs::path file =
        folder / std::to_string(i / 50) / ("file " + std::to_string(i));
    fs::create_directories(file.parent_path());
    std::ofstream(file) << std::string(static_cast<std::size_t>(i) * 10,
                                       'x');
  }
}

void show(const char* who, const brood::CopyReport& report) {
  std::printf("%s: %llu files, %s, %.3f s\n", who,
              static_cast<unsigned long long>(report.files),
              report.complete() ? "complete" : "with errors",
              report.seconds);
  for (const auto& error : report.errors)
    std::printf("  %s: %s\n", error.path.c_str(), error.what.c_str());
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const fs::path work = fs::temp_directory_path() /
                        ("brood-example-" + std::to_string(getpid()));
  make_files(work / "from");
  // [tour
  brood::SerialExecutor alone;
  const auto one = brood::copy_tree(alone, work / "from", work / "to 1");
  show("one process", one);

  brood::Pool pool(4, brood::prepare_copy_worker);
  const auto four = brood::copy_tree(pool, work / "from", work / "to 4");
  show("pool of four", four);

  std::printf("the pool took %.0f %% of the time of one process\n",
              100 * four.seconds / one.seconds);
  // tour]
  fs::remove_all(work);
}
