// Where a pool's code runs: the directory of its workers, and the signals of its callbacks.

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brood/pool.hpp>
#include <brood/promise.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <fstream>
#include <thread>

#include "child_support.hpp"
#include "nothing_left.hpp"

extern char** environ;

namespace pool_surroundings {

using child_support::Folder;

std::string where() {
  char text[4096];
  return getcwd(text, sizeof text) != nullptr ? text : "removed";
}
std::uint64_t inode_here() {
  struct stat here {};
  return stat(".", &here) == 0 ? here.st_ino : 0;
}
void die() { raise(SIGKILL); }

int after(brood::Queue<int> queue) { return queue.get(); }

class RestoredDirectory {
 public:
  ~RestoredDirectory() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

void replace_worker(brood::Pool& pool) { EXPECT_THROW(pool.apply(die), brood::WorkerDied); }

/// The signals that a program has blocked which is started here.
std::string mask_of_a_program() {
  const Folder folder;
  const std::string file = folder / "mask";
  posix_spawn_file_actions_t into_file;
  posix_spawn_file_actions_init(&into_file);
  posix_spawn_file_actions_addopen(&into_file, 1, file.c_str(), O_WRONLY | O_CREAT, 0600);
  std::string words[] = {"grep", "SigBlk", "/proc/self/status"};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "grep", &into_file, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&into_file);
  if (error != 0 || waitpid(pid, nullptr, 0) != pid) return "no program";
  return child_support::text_of(file);
}
std::string own_mask() {
  std::ifstream in("/proc/thread-self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("SigBlk")) return line + "\n";
  }
  return "unknown";
}

class Blocked {
 public:
  explicit Blocked(int number) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    pthread_sigmask(SIG_BLOCK, &one, &before_);
  }
  ~Blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace pool_surroundings

namespace {

using namespace pool_surroundings;
using namespace std::chrono_literals;

TEST(PoolFolder, stays_where_the_pool_was_made) {
  const RestoredDirectory back;
  const Folder first, second;
  std::filesystem::current_path(first.path());
  brood::Pool pool(1);
  std::filesystem::current_path(second.path());
  EXPECT_EQ(pool.apply(where), first.path());
  replace_worker(pool);
  EXPECT_EQ(pool.apply(where), first.path());
  brood::Pool other(1);
  EXPECT_EQ(other.apply(where), second.path());
}

TEST(PoolFolder, that_has_been_removed_is_that_of_new_workers_too) {
  const RestoredDirectory back;
  const Folder elsewhere;
  std::optional<brood::Pool> pool;
  std::uint64_t inode = 0;
  std::string path;
  {
    const Folder folder;
    path = folder.path();
    std::filesystem::current_path(path);
    inode = inode_here();
    pool.emplace(1);
    std::filesystem::current_path(elsewhere.path());
    replace_worker(*pool);
    EXPECT_EQ(pool->apply(where), path);
  }
  replace_worker(*pool);
  EXPECT_EQ(pool->apply(inode_here), inode);
  // Another of that name is not the same.
  std::filesystem::create_directory(path);
  replace_worker(*pool);
  EXPECT_EQ(pool->apply(inode_here), inode);
  std::filesystem::remove(path);
}

TEST(PoolFolder, that_is_gone_when_the_pool_is_made_is_the_programs) {
  const RestoredDirectory back;
  {
    const Folder folder;
    std::filesystem::current_path(folder.path());
  }
  brood::Pool pool(1);
  EXPECT_EQ(pool.apply(inode_here), inode_here());
  std::filesystem::current_path("/");
  replace_worker(pool);
  EXPECT_NE(pool.apply(inode_here), inode_here());
}

// What a callback of each kind finds: the mask of its thread, and that of a program that it starts.
TEST(PoolCallback, has_the_signals_of_the_thread_that_made_the_pool) {
  for (const int blocked : {0, SIGUSR2}) {
    std::optional<Blocked> block;
    if (blocked != 0) block.emplace(blocked);
    const auto mine = own_mask();
    EXPECT_EQ(mask_of_a_program(), mine);
    brood::Pool pool(1);
    block.reset();
    std::vector<std::string> found;
    brood::Queue<int> go;
    const auto look = [&](const auto&) {
      found.push_back(own_mask());
      found.push_back(mask_of_a_program());
    };
    const Blocked not_this(SIGUSR1);  // the thread that asks for the callback does not matter
    auto one = pool.apply_async(after, go);
    one.add_done_callback(look);
    auto map = pool.map_async(
        {.chunksize = 1}, [](int n, brood::Queue<int> q) { return n + q.get(); }, std::vector<int>{1, 2}, go);
    map.add_done_callback(look);
    auto chunks = pool.map_async(
        {.chunksize = 2}, [](int n, brood::Queue<int> q) { return n + q.get(); }, std::vector<int>{1, 2}, go);
    chunks.add_done_callback(look);
    for (int i = 0; i < 5; ++i) go.put(1);
    pool.close();
    pool.join();
    ASSERT_EQ(found.size(), 6U);
    for (const auto& mask : found) EXPECT_EQ(mask, mine);
  }
}

TEST(PoolCallback, in_a_task_has_the_signals_of_the_task) {
  brood::Pool pool(2);
  const auto asks = [] {
    const auto mine = own_mask();
    std::atomic<int> right{-1};
    brood::Queue<int> go;
    auto inner = brood::this_worker::pool().apply_async(after, go);
    inner.add_done_callback([&](const auto&) { right = own_mask() == mine && mask_of_a_program() == mine; });
    go.put(1);
    inner.wait();
    nothing_left::soon([&] { return right != -1; });
    return right.load();
  };
  EXPECT_EQ(pool.apply(asks), 1);
}

TEST(PoolCallback, leaves_all_signals_blocked_in_threads_of_the_pool_when_it_is_over) {
  brood::Pool pool(1);
  std::atomic<int> thread{0};
  brood::Queue<int> go;
  auto one = pool.apply_async(after, go);
  one.add_done_callback([&](const auto&) { thread = gettid(); });
  go.put(1);
  one.wait();
  ASSERT_TRUE(nothing_left::soon([&] { return thread != 0; }));
  ASSERT_NE(thread, gettid());
  const auto status = "/proc/self/task/" + std::to_string(thread) + "/status";
  EXPECT_TRUE(nothing_left::soon([&] {
    // All but SIGKILL, SIGSTOP and two of the C library's own.
    return child_support::text_of(status).find("SigBlk:\tfffffffe7ffbfeff") != std::string::npos;
  })) << child_support::text_of(status);
}

}  // namespace
