// What a copy leaves behind when its tasks or the whole program are killed or stopped: nothing.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <brood/copy.hpp>
#include <brood/pool.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "child_support.hpp"
#include "nothing_left.hpp"
#include "run_program.hpp"

namespace {

using child_support::Folder;
using child_support::text_of;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t large = 3'000'000'000;  // sparse: it takes seconds to copy and no room in the source

void make_large(const std::string& path, std::uint64_t size = large) {
  std::ofstream file(path);
  file << "begin";
  file.close();
  fs::resize_file(path, size);
}

std::set<std::string> temporaries_in(const std::string& root) {
  std::set<std::string> all;
  for (const auto& one : fs::recursive_directory_iterator(root)) {
    if (one.path().filename().native().starts_with(".brood-")) all.insert(one.path());
  }
  return all;
}

// Waits until something in the folder has more than a few bytes: the copy is in the middle of it.
bool is_being_written(const std::string& folder, const std::string& but = {}) {
  for (const auto until = Clock::now() + std::chrono::seconds(60); Clock::now() < until;) {
    std::error_code gone;
    for (fs::directory_iterator it(folder, gone), end; !gone && it != end; it.increment(gone)) {
      struct stat s {};
      if (it->path().filename() != but && stat(it->path().c_str(), &s) == 0 && S_ISREG(s.st_mode) &&
          s.st_blocks > 1000) {
        return true;
      }
    }
    std::this_thread::yield();
  }
  return false;
}

void make_source(const Folder& folder) {
  fs::create_directories(folder / "from/sub");
  for (int i = 0; i < 20; ++i) std::ofstream(folder / ("from/sub/" + std::to_string(i))) << i;
  make_large(folder / "from/large");
  make_large(folder / "from/another");
  chmod((folder / "from/sub").c_str(), 0750);
}

// ---- signals ----

class CopySignal : public testing::TestWithParam<std::tuple<int, const char*>> {};

TEST_P(CopySignal, ends_in_order_with_its_table_and_leaves_no_half_file) {
  const auto [signal, processes] = GetParam();
  const Folder folder;
  make_source(folder);
  fs::create_directories(folder / "to");
  std::ofstream(folder / "to/another") << "old";  // this one is replaced, the other is new
  run_program::Program program(
      {run_program::path_of("../brood"), "copy", "-P", processes, folder / "from", folder / "to"});
  ASSERT_TRUE(is_being_written(folder / "to"));
  program.kill(signal);
  EXPECT_EQ(program.wait(), -signal) << program.err();
  EXPECT_NE(program.err().find("the copy was stopped: SIG"), std::string::npos) << program.err();
  EXPECT_NE(program.out().find("files/s"), std::string::npos) << program.out();
  EXPECT_EQ(temporaries_in(folder / "to"), std::set<std::string>());
  // What a task has finished by then counts; nothing is half.
  const auto is_whole = [&](const char* name) {
    return fs::file_size(folder / (std::string("to/") + name)) ==
           fs::file_size(folder / (std::string("from/") + name));
  };
  EXPECT_TRUE(is_whole("another") || text_of(folder / "to/another") == "old");
  EXPECT_TRUE(!fs::exists(folder / "to/large") || is_whole("large"));
  if (fs::exists(folder / "to/sub")) {
    struct stat s {};
    ASSERT_EQ(stat((folder / "to/sub").c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0750U);
  }
}

std::string signal_name(const testing::TestParamInfo<CopySignal::ParamType>& info) {
  return std::string(sigabbrev_np(std::get<0>(info.param))) + "_P" + std::get<1>(info.param);
}
INSTANTIATE_TEST_SUITE_P(each, CopySignal,
                         testing::Values(std::tuple(SIGINT, "1"), std::tuple(SIGINT, "2"),
                                         std::tuple(SIGTERM, "2"), std::tuple(SIGHUP, "1")),
                         signal_name);

TEST(CopyLeftovers, of_a_killed_program_are_removed_by_the_next_run) {
  const Folder folder;
  make_source(folder);
  fs::create_directories(folder / "to");
  std::ofstream(folder / "to/another") << "old";
  std::ofstream(folder / "to/large") << "old";
  std::ofstream(folder / "to/.brood-notes") << "a user's";
  std::ofstream(folder / "to/.brood-12-x") << "a user's";
  {
    run_program::Program program(
        {run_program::path_of("../brood"), "copy", "-P", "2", folder / "from", folder / "to"});
    ASSERT_TRUE(is_being_written(folder / "to"));
    program.kill(SIGKILL);
    EXPECT_EQ(program.wait(), -SIGKILL);
  }
  EXPECT_GT(temporaries_in(folder / "to").size(), 2U);
  // The next one has less to do.
  for (const char* name : {"another", "large"}) make_large(folder / ("from/" + std::string(name)), 1000);
  const auto ran =
      run_program::run({run_program::path_of("../brood"), "copy", "-P", "2", folder / "from", folder / "to"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(temporaries_in(folder / "to"),
            (std::set<std::string>{folder / "to/.brood-notes", folder / "to/.brood-12-x"}));
  EXPECT_EQ(fs::file_size(folder / "to/large"), 1000U);
}

TEST(CopyLeftovers, of_a_run_that_lives_are_left_alone) {
  const Folder folder;
  fs::create_directories(folder / "from");
  fs::create_directories(folder / "to");
  std::ofstream(folder / "from/file") << "x";
  const std::string theirs = folder / "to/.brood-0123456789abcdef-7-0";
  std::ofstream(theirs) << "half";
  // By the clock that stamps files it must be older than the copy.
  struct stat made {};
  ASSERT_EQ(stat(theirs.c_str(), &made), 0);
  for (timespec now{};
       now.tv_sec == 0 || (now.tv_sec == made.st_ctim.tv_sec && now.tv_nsec <= made.st_ctim.tv_nsec);)
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
  const int lock = open((folder / "to").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(lock, LOCK_SH), 0);  // as a task of that run holds it
  brood::SerialExecutor here;
  EXPECT_TRUE(brood::copy_tree(here, folder / "from", folder / "to").complete());
  EXPECT_TRUE(fs::exists(theirs));
  close(lock);
  EXPECT_TRUE(brood::copy_tree(here, folder / "from", folder / "to").complete());
  EXPECT_FALSE(fs::exists(theirs));
}

// ---- workers ----

void kill_workers() {
  for (const int pid : nothing_left::children()) {
    if (text_of("/proc/" + std::to_string(pid) + "/comm").starts_with("PoolWorker")) kill(pid, SIGKILL);
  }
}

TEST(CopyLeftovers, of_killed_workers_are_removed_before_the_retry) {
  const Folder folder;
  make_source(folder);
  for (const char* name : {"another", "large"})
    make_large(folder / ("from/" + std::string(name)), 100'000'000);
  fs::create_directories(folder / "to");
  std::ofstream(folder / "to/another") << "old";
  std::ofstream(folder / "to/large") << "old";
  brood::Pool pool(2);
  std::jthread killer([&] {
    for (int i = 0; i < 2 && is_being_written(folder / "to"); ++i) kill_workers();
  });
  const auto report = brood::copy_tree(pool, folder / "from", folder / "to");
  killer.join();
  for (const auto& e : report.errors) ADD_FAILURE() << e.path << ": " << e.what;
  EXPECT_EQ(temporaries_in(folder / "to"), std::set<std::string>());
  EXPECT_EQ(fs::file_size(folder / "to/large"), 100'000'000U);
  EXPECT_EQ(fs::file_size(folder / "to/another"), 100'000'000U);
}

TEST(CopyLeftovers, of_a_task_that_dies_each_time_are_removed_at_the_end) {
  const Folder folder;
  make_source(folder);
  fs::remove(folder / "from/another");
  std::atomic<bool> over = false;
  brood::Pool pool({.processes = 1, .restart_intensity = 1000});
  std::jthread killer([&] {
    while (!over && is_being_written(folder / "to")) kill_workers();
  });
  const auto report = brood::copy_tree(pool, folder / "from", folder / "to");
  over = true;
  std::ofstream(folder / "to/end") << std::string(2'000'000, 'x');  // for a killer that still waits
  killer.join();
  EXPECT_EQ(report.error_count, 1U);
  ASSERT_FALSE(report.errors.empty());
  EXPECT_EQ(report.errors[0].path, "large");
  EXPECT_FALSE(fs::exists(folder / "to/large"));
  EXPECT_EQ(temporaries_in(folder / "to"), std::set<std::string>());
  EXPECT_EQ(text_of(folder / "to/sub/7"), "7");
}

TEST(CopyLeftovers, of_a_copy_that_its_caller_gives_up_are_removed) {
  const Folder folder;
  make_source(folder);
  brood::Pool pool(3);
  brood::CopyOptions options;
  options.progress = [&](const brood::CopyReport& so_far) {
    // The first call comes before the large files are begun, the second with the small ones.
    if (so_far.files == 20 && is_being_written(folder / "to")) throw std::runtime_error("enough");
  };
  EXPECT_THROW(brood::copy_tree(pool, folder / "from", folder / "to", options), std::runtime_error);
  EXPECT_FALSE(fs::exists(folder / "to/large") || fs::exists(folder / "to/another"));
  EXPECT_EQ(temporaries_in(folder / "to"), std::set<std::string>());
}

// ---- files beyond the limit ----

// One of 4,096,000 bytes: brood itself needs some of it. One file is copied among others, one is large enough
// for a task of its own.

TEST(CopyTooLarge, is_an_error_of_that_file) {
  for (const char* processes : {"1", "2"}) {
    const Folder folder;
    fs::create_directories(folder / "from");
    fs::create_directories(folder / "to");
    std::ofstream(folder / "from/small") << "fits";
    std::ofstream(folder / "from/medium") << std::string(4'150'000, 'm');
    std::ofstream(folder / "from/huge") << std::string(6'000'000, 'h');
    std::ofstream(folder / "to/medium") << "old";
    const auto ran = run_program::run({"/bin/sh", "-c", "ulimit -f 8000; exec \"$@\"", "sh",
                                       run_program::path_of("../brood"), "copy", "-P", processes,
                                       folder / "from", folder / "to"});
    EXPECT_EQ(ran.code, 1) << processes << ran.err;
    for (const char* name : {"medium", "huge"}) {
      EXPECT_NE(ran.err.find("brood: " + std::string(name) + ": cannot be written: it has "),
                std::string::npos)
          << ran.err;
    }
    EXPECT_EQ(text_of(folder / "to/small"), "fits");
    EXPECT_EQ(text_of(folder / "to/medium"), "old");
    EXPECT_FALSE(fs::exists(folder / "to/huge"));
    EXPECT_EQ(temporaries_in(folder / "to"), std::set<std::string>());
  }
}

// In a process of its own, whose handler must not be called.
int copy_too_large(std::string root) {
  std::signal(SIGXFSZ, [](int) { _exit(3); });
  const rlimit limit{1000, 1000};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 4;
  brood::SerialExecutor here;
  const auto report = brood::copy_tree(here, root + "/from", root + "/to");
  if (report.error_count != 1 || report.errors[0].path != "huge") return 5;
  return fs::exists(root + "/to/huge") ? 6 : 0;
}

TEST(CopyTooLarge, calls_no_handler_of_a_program_that_copies_itself) {
  const Folder folder;
  fs::create_directories(folder / "from");
  std::ofstream(folder / "from/huge") << std::string(6'000, 'h');
  std::ofstream(folder / "from/small") << "fits";
  EXPECT_EQ(child_support::exit_code_of(
                {}, [](std::string root) { _exit(copy_too_large(root)); }, folder.path()),
            0);
  EXPECT_EQ(text_of(folder / "to/small"), "fits");
}

// ---- sources that change ----

TEST(CopyChanging, a_file_that_grows_is_copied_as_it_was_with_a_note) {
  const Folder folder;
  fs::create_directories(folder / "from");
  std::ofstream(folder / "from/log") << std::string(1000, 'l');
  const std::string file = folder / "from/log";
  std::atomic<bool> over = false;
  std::jthread writer([&] {
    std::ofstream out(file, std::ios::app);
    while (!over) out << "more lines of the log\n" << std::flush;
  });
  brood::SerialExecutor here;
  bool noted = false;
  for (int i = 0; i < 200 && !noted; ++i) {
    const auto to = folder / ("to" + std::to_string(i));
    const auto report = brood::copy_tree(here, folder / "from", to);
    EXPECT_TRUE(report.complete());
    EXPECT_GE(fs::file_size(to + "/log"), 1000U);
    noted = !report.notes.empty();
    if (noted) {
      EXPECT_EQ(report.notes[0].path, "log");
      EXPECT_NE(report.notes[0].what.find("grew while it was copied"), std::string::npos);
    }
  }
  over = true;
  EXPECT_TRUE(noted);
}

TEST(CopyChanging, a_folder_that_cannot_be_read_gets_its_mode) {
  if (getuid() == 0) GTEST_SKIP() << "root reads everything";
  const Folder folder;
  fs::create_directories(folder / "from/closed");
  fs::create_directories(folder / "from/unlisted");
  std::ofstream(folder / "from/file") << "x";
  chmod((folder / "from/closed").c_str(), 0);
  chmod((folder / "from/unlisted").c_str(), 0311);
  brood::SerialExecutor here;
  const auto report = brood::copy_tree(here, folder / "from", folder / "to");
  const auto mode_of = [&](const char* name) {
    struct stat s {};
    EXPECT_EQ(stat((folder / name).c_str(), &s), 0);
    return s.st_mode & 07777;
  };
  EXPECT_EQ(report.error_count, 2U);
  EXPECT_EQ(mode_of("to/closed"), 0U);
  EXPECT_EQ(mode_of("to/unlisted"), 0311U);
  for (const char* name : {"from/closed", "from/unlisted", "to/closed", "to/unlisted"})
    chmod((folder / name).c_str(), 0755);
}

}  // namespace
