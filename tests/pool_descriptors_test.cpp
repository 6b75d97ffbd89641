// Tasks that close all descriptors, as libraries do that make daemons.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <brood/pool.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "nothing_left.hpp"

namespace pool_descriptors {

int close_all(int from) { return close_range(static_cast<unsigned>(from), ~0U, 0); }
int own_pid() { return static_cast<int>(getpid()); }
std::size_t size_of(const std::string& text) { return text.size(); }
std::string text_of(std::size_t n) { return std::string(n, 'x'); }

// Opens files until one has each of the numbers that brood's descriptors had; then has large values made.
std::size_t open_own_files(const std::string& folder) {
  close_all(3);
  for (int i = 0; i < 20; ++i) {
    const int fd = open((folder + "/" + std::to_string(i)).c_str(), O_RDWR | O_CREAT, 0600);
    if (fd < 0 || write(fd, "text", 4) != 4) return 0;
  }
  return text_of(3'000'000).size();
}
std::string large_beside_own_files(const std::string& folder) {
  open_own_files(folder);
  return text_of(3'000'000);
}

}  // namespace pool_descriptors

namespace {

using namespace pool_descriptors;
using namespace std::chrono_literals;

TEST(PoolDescriptors, that_a_task_closes_cost_the_worker_and_no_task) {
  for (const int from : {3, 0}) {
    brood::Pool pool(1);
    const int first = pool.apply(own_pid);
    EXPECT_EQ(pool.apply(close_all, from), 0);
    EXPECT_TRUE(nothing_left::soon([&] { return pool.counts().restarts == 1; }));
    EXPECT_NE(pool.apply(own_pid), first);
    EXPECT_EQ(pool.apply_async(size_of, text_of(3'000'000)).get(60s), 3'000'000U);
    EXPECT_EQ(pool.apply_async(text_of, 3'000'000U).get(60s).size(), 3'000'000U);
    EXPECT_EQ(pool.counts().failed, 0U);
  }
}

TEST(PoolDescriptors, are_not_taken_for_files_of_the_users) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("own-files-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  {
    brood::Pool pool(1);
    EXPECT_EQ(pool.apply_async(large_beside_own_files, folder.string()).get(60s).size(), 3'000'000U);
  }
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    struct stat st {};
    ASSERT_EQ(stat(file.path().c_str(), &st), 0);
    EXPECT_EQ(st.st_size, 4) << file.path();
    EXPECT_LE(st.st_blocks, 16) << file.path();
    ++files;
  }
  EXPECT_EQ(files, 20);
  std::filesystem::remove_all(folder);
}

}  // namespace
