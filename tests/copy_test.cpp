// copy_tree: trees made here, copied by one process and by a pool, compared by a walker of its own.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <sched.h>

#include <brood/copy.hpp>
#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <fstream>
#include <map>
#include <set>

#include "child_support.hpp"
#include "nothing_left.hpp"

namespace {

using child_support::Folder;
using child_support::text_of;
namespace fs = std::filesystem;

// ---- the independent walker: names to what is there, by openat ----

void walk(int folder, const std::string& prefix, std::map<std::string, std::string>& all) {
  DIR* dir = fdopendir(dup(folder));
  rewinddir(dir);
  for (const dirent* entry = readdir(dir); entry != nullptr; entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat s {};
    if (fstatat(folder, name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
    std::string what = std::to_string(s.st_mode) + " " + std::to_string(s.st_uid) + " " +
                       std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec) + " ";
    if (S_ISLNK(s.st_mode)) {
      std::string target(5000, '\0');
      const auto n = readlinkat(folder, name.c_str(), target.data(), target.size());
      what += target.substr(0, n > 0 ? static_cast<std::size_t>(n) : 0);
    } else if (S_ISREG(s.st_mode)) {
      const int fd = openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
      std::size_t hash = 0;
      std::string part(1 << 16, '\0');
      for (ssize_t n = 0; (n = read(fd, part.data(), part.size())) > 0;) {
        hash = hash * 31 + std::hash<std::string_view>{}({part.data(), static_cast<std::size_t>(n)});
      }
      close(fd);
      what += std::to_string(s.st_size) + " " + std::to_string(hash);
    } else if (S_ISDIR(s.st_mode)) {
      const int fd = openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
      if (fd >= 0) walk(fd, prefix + name + "/", all);
      close(fd);
    }
    all[prefix + name] = what;
  }
  closedir(dir);
}
std::map<std::string, std::string> tree_of(const std::string& root) {
  std::map<std::string, std::string> all;
  const int fd = open(root.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  struct stat s {};
  fstat(fd, &s);
  all["."] = std::to_string(s.st_mode) + " " + std::to_string(s.st_mtim.tv_sec) + "." +
             std::to_string(s.st_mtim.tv_nsec);
  walk(fd, "", all);
  close(fd);
  return all;
}

// ---- trees ----

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
void set_times(const std::string& path, long seconds, long ns) {
  const timespec times[2] = {{seconds, ns}, {seconds, ns}};
  utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

void make_tree(const std::string& root) {
  fs::create_directories(root + "/a/b/c/d");
  fs::create_directories(root + "/empty");
  fs::create_directories(root + "/many");
  write(root + "/zero", "");
  write(root + "/a/one", "1");
  write(root + "/a/b/five_mib", std::string(5 << 20, 'm') + "end");
  for (int i = 0; i < 1500; ++i) {
    write(root + "/many/" + std::to_string(i), std::string(static_cast<std::size_t>(i % 300) * 7, 'x'));
  }
  write(root + "/-leading", "a");
  write(root + "/new\nline", "b");
  write(root + "/bad\xff\xfeutf8", "c");
  write(root + "/" + std::string(255, 'n'), "d");
  fs::create_symlink("a/one", root + "/link");
  fs::create_symlink("/no/such/place", root + "/dangling");
  fs::create_symlink(std::string(3000, 'l'), root + "/long_link");
  fs::create_symlink("..", root + "/a/up");
  set_times(root + "/link", 1'000'000'000, 987'654'321);
  write(root + "/a/modes", "e");
  chmod((root + "/a/modes").c_str(), 04751);
  write(root + "/a/secret", "f");
  chmod((root + "/a/secret").c_str(), 0600);
  write(root + "/a/b/c/read_only_file", "g");
  chmod((root + "/a/b/c/read_only_file").c_str(), 0400);
  set_times(root + "/a/one", 1'234'567'890, 123'456'789);
  set_times(root + "/zero", -5, 1);
  chmod((root + "/a/b/c").c_str(), 0555);
  set_times(root + "/a/b/c", 1'111'111'111, 222'222'222);
  set_times(root + "/empty", 999, 999);
  chmod((root + "/many").c_str(), 01777);
  set_times(root + "/many", 1'222'222'222, 5);
  set_times(root, 1'333'333'333, 6);
}

template <class F>
void with_each_executor(F f) {
  {
    SCOPED_TRACE("one process");
    brood::SerialExecutor here;
    f(here);
  }
  SCOPED_TRACE("pool");
  const nothing_left::Memory memory;
  brood::Pool pool(3, brood::prepare_copy_worker);
  f(pool);
}

TEST(Copy, equals_its_source) {
  with_each_executor([](auto& executor) {
    const Folder folder;
    make_tree(folder / "from");
    const auto before = tree_of(folder / "from");
    const auto report = brood::copy_tree(executor, folder / "from", folder / "to");
    EXPECT_TRUE(report.complete());
    for (const auto& e : report.errors) ADD_FAILURE() << e.path << ": " << e.what;
    EXPECT_EQ(tree_of(folder / "to"), before);
    EXPECT_EQ(report.files, 1510U);
    EXPECT_EQ(report.links, 4U);
    chmod((folder / "from/a/b/c").c_str(), 0755);
    chmod((folder / "to/a/b/c").c_str(), 0755);
  });
}

TEST(Copy, replaces_files_and_keeps_what_is_there_besides) {
  with_each_executor([](auto& executor) {
    const Folder folder;
    fs::create_directories(folder / "from/a");
    write(folder / "from/a/file", "new");
    fs::create_symlink("new", folder / "from/link");
    fs::create_directories(folder / "to/a");
    write(folder / "to/a/file", "old and longer");
    write(folder / "to/a/other", "stays");
    fs::create_symlink("old", folder / "to/link");
    EXPECT_TRUE(brood::copy_tree(executor, folder / "from", folder / "to").complete());
    EXPECT_EQ(text_of(folder / "to/a/file"), "new");
    EXPECT_EQ(text_of(folder / "to/a/other"), "stays");
    EXPECT_EQ(fs::read_symlink(folder / "to/link"), "new");
    EXPECT_EQ(tree_of(folder / "to").size(), 5U);  // no temporary names
  });
}

TEST(Copy, follows_nothing_in_the_target) {
  with_each_executor([](auto& executor) {
    const Folder folder;
    fs::create_directories(folder / "from/sub");
    write(folder / "from/file", "new");
    write(folder / "from/sub/inner", "new");
    fs::create_directories(folder / "outside");
    write(folder / "outside/victim", "untouched");
    fs::create_directories(folder / "to");
    fs::create_symlink(folder / "outside/victim", folder / "to/file");
    fs::create_symlink(folder / "outside", folder / "to/sub");
    brood::copy_tree(executor, folder / "from", folder / "to");
    EXPECT_EQ(text_of(folder / "outside/victim"), "untouched");
    EXPECT_FALSE(fs::exists(folder / "outside/inner"));
  });
}

TEST(Copy, refuses_fifos_and_sockets_and_copies_the_rest) {
  with_each_executor([](auto& executor) {
    const Folder folder;
    fs::create_directories(folder / "from/sub");
    write(folder / "from/sub/file", "x");
    ASSERT_EQ(mkfifo((folder / "from/fifo").c_str(), 0600), 0);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder / "from/sub/sock").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
    const auto report = brood::copy_tree(executor, folder / "from", folder / "to");
    EXPECT_FALSE(report.complete());
    EXPECT_EQ(report.error_count, 2U);
    std::set<std::string> paths;
    for (const auto& e : report.errors) paths.insert(e.path);
    EXPECT_EQ(paths, (std::set<std::string>{"fifo", "sub/sock"}));
    EXPECT_EQ(text_of(folder / "to/sub/file"), "x");
  });
}

TEST(Copy, takes_nothing_away_that_is_no_file_in_the_target) {
  with_each_executor([](auto& executor) {
    const Folder folder;
    fs::create_directories(folder / "from");
    fs::create_directories(folder / "to");
    write(folder / "from/pipe", "text");
    fs::create_symlink("x", folder / "from/link");
    ASSERT_EQ(mkfifo((folder / "to/pipe").c_str(), 0600), 0);
    ASSERT_EQ(mkfifo((folder / "to/link").c_str(), 0600), 0);
    const auto report = brood::copy_tree(executor, folder / "from", folder / "to");
    EXPECT_EQ(report.error_count, 2U);
    EXPECT_TRUE(fs::is_fifo(folder / "to/pipe") && fs::is_fifo(folder / "to/link"));
    EXPECT_THROW(brood::copy_tree(executor, folder / "from/pipe", folder / "to/pipe"), brood::CopyRefused);
  });
}

TEST(Copy, tells_a_file_that_cannot_be_read_and_copies_the_rest) {
  if (getuid() == 0) GTEST_SKIP() << "root reads everything";
  brood::SerialExecutor here;
  const Folder folder;
  fs::create_directories(folder / "from");
  write(folder / "from/closed", "x");
  chmod((folder / "from/closed").c_str(), 0);
  write(folder / "from/open", "y");
  const auto report = brood::copy_tree(here, folder / "from", folder / "to");
  EXPECT_EQ(report.error_count, 1U);
  EXPECT_EQ(text_of(folder / "to/open"), "y");
  EXPECT_FALSE(fs::exists(folder / "to/closed"));
}

TEST(Copy, is_refused_before_the_first_byte) {
  with_each_executor([](auto& executor) {
    const Folder folder;
    fs::create_directories(folder / "from/sub");
    write(folder / "from/file", "x");
    fs::create_directory_symlink(folder / "from", folder / "alias");
    const auto before = tree_of(folder.path());
    EXPECT_THROW(brood::copy_tree(executor, folder / "nothing", folder / "to"), brood::CopyRefused);
    EXPECT_THROW(brood::copy_tree(executor, folder / "from", folder / "from"), brood::CopyRefused);
    EXPECT_THROW(brood::copy_tree(executor, folder / "from", folder / "from/sub/deep/to"),
                 brood::CopyRefused);
    EXPECT_THROW(brood::copy_tree(executor, folder / "from", folder / "alias"), brood::CopyRefused);
    EXPECT_THROW(brood::copy_tree(executor, folder / "from", folder / "alias/new"), brood::CopyRefused);
    EXPECT_THROW(brood::copy_tree(executor, folder / "from", folder / "x/../from/new"), brood::CopyRefused);
    EXPECT_THROW(brood::copy_tree(executor, "", folder / "to"), brood::CopyRefused);
    EXPECT_THROW(brood::copy_tree(executor, folder / "from", ""), brood::CopyRefused);
    EXPECT_EQ(tree_of(folder.path()), before);
  });
}

void copies_nothing(const std::string& folder) {
  brood::SerialExecutor here;
  brood::copy_tree(here, folder + "/nothing", folder + "/to");
}

TEST(Copy, that_is_refused_in_a_task_arrives_as_refused) {  // O19
  const Folder folder;
  brood::Pool pool(1);
  EXPECT_THROW(pool.apply(copies_nothing, folder.path()), brood::CopyRefused);
}

TEST(Copy, goes_deeper_than_a_path_may_be_long) {
  with_each_executor([](auto& executor) {
    const Folder folder;
    fs::create_directories(folder / "from");
    const std::string name(200, 'd');
    int fd = open((folder / "from").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 30; ++i) {
      ASSERT_EQ(mkdirat(fd, name.c_str(), 0755), 0);
      const int next = openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      close(fd);
      fd = next;
    }
    const int file = openat(fd, "bottom", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    EXPECT_EQ(::write(file, "deep", 4), 4);
    close(file);
    close(fd);
    const auto report = brood::copy_tree(executor, folder / "from", folder / "to");
    EXPECT_TRUE(report.complete());
    EXPECT_EQ(report.files, 1U);
    EXPECT_EQ(tree_of(folder / "to"), tree_of(folder / "from"));
  });
}

TEST(Copy, is_whole_when_workers_are_killed) {
  const nothing_left::Memory memory;
  const Folder folder;
  make_tree(folder / "from");
  brood::Pool pool(3);
  int killed = 0;
  brood::CopyOptions options;
  options.progress = [&](const brood::CopyReport&) {
    const auto children = nothing_left::children();
    if (++killed > 3) return;
    for (const int pid : children) {
      if (child_support::text_of("/proc/" + std::to_string(pid) + "/comm").starts_with("PoolWorker")) {
        kill(pid, SIGKILL);
        break;
      }
    }
  };
  const auto report = brood::copy_tree(pool, folder / "from", folder / "to", options);
  for (const auto& e : report.errors) ADD_FAILURE() << e.path << ": " << e.what;
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(tree_of(folder / "to"), tree_of(folder / "from"));
  chmod((folder / "from/a/b/c").c_str(), 0755);
  chmod((folder / "to/a/b/c").c_str(), 0755);
}

// In a process with mounts of its own.
int fill_a_small_disk(std::string root) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  fs::create_directories(root + "/small");
  if (mount("none", (root + "/small").c_str(), "tmpfs", 0, "size=2m") != 0) return 77;
  fs::create_directories(root + "/from");
  for (int i = 0; i < 40; ++i) write(root + "/from/" + std::to_string(i), std::string(150'000, 'f'));
  brood::SerialExecutor here;
  const auto report = brood::copy_tree(here, root + "/from", root + "/small/to");
  if (report.complete() || report.stopped.empty()) return 1;
  for (const auto& entry : fs::directory_iterator(root + "/small/to")) {
    if (entry.file_size() != 150'000) return 2;  // a half file
  }
  return 0;
}

TEST(Copy, stops_at_a_full_disk_and_leaves_no_half_file) {
  if (getuid() != 0) GTEST_SKIP() << "only root may mount a small disk";
  const Folder folder;
  brood::Process process([](std::string root) { _exit(fill_a_small_disk(root)); }, folder.path());
  process.start();
  ASSERT_TRUE(process.join(std::chrono::seconds(60)));
  if (process.exitcode() == 77) GTEST_SKIP() << "mounting is not allowed here";
  EXPECT_EQ(process.exitcode(), 0);
}

}  // namespace
