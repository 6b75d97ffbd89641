// What a copy keeps where the system refuses to set owners, modes or times: all data, and no right more than
// the source gives. The program `brood copy` runs under filters and as other users.

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include "child_support.hpp"
#include "run_program.hpp"

namespace {

using child_support::Folder;
using child_support::text_of;
namespace fs = std::filesystem;

constexpr unsigned stranger = 1234, ordinary = 65534, own_group = 65534, shared_group = 100,
                   other_group = 5678;

struct Entry {
  struct stat status {};
  std::string data;
};
using Tree = std::map<std::string, Entry>;

Tree tree_at(const std::string& root) {
  Tree all;
  const auto add = [&](const std::string& name, const std::string& path) {
    Entry entry;
    ASSERT_EQ(lstat(path.c_str(), &entry.status), 0) << path;
    if (S_ISREG(entry.status.st_mode)) entry.data = text_of(path);
    if (S_ISLNK(entry.status.st_mode)) entry.data = fs::read_symlink(path);
    all.emplace(name, std::move(entry));
  };
  add(".", root);
  for (const auto& one : fs::recursive_directory_iterator(root))
    add(one.path().lexically_relative(root), one.path());
  return all;
}

void make(const std::string& path, mode_t mode, uid_t user, gid_t group) {
  if (mode & S_IFDIR) {
    fs::create_directory(path);
  } else {
    std::ofstream(path) << "data of " << path.substr(path.rfind('/'));
  }
  if (getuid() == 0) {
    ASSERT_EQ(chown(path.c_str(), user, group), 0);
  }
  ASSERT_EQ(chmod(path.c_str(), mode & 07777), 0);
}

// Files and folders of several owners with all kinds of modes, each with times of long ago.
void make_tree(const std::string& root) {
  make(root, S_IFDIR | 0755, 0, 0);
  make(root + "/plain", 0644, 0, 0);
  make(root + "/strangers", 0644, stranger, other_group);
  make(root + "/setuid", 04755, stranger, own_group);
  make(root + "/setgid", 02755, stranger, own_group);
  make(root + "/of_root", 06755, 0, 0);
  make(root + "/ours", 0664, ordinary, own_group);
  make(root + "/ours_setuid", 04755, ordinary, own_group);
  make(root + "/shared", 0644, 0, shared_group);
  make(root + "/shared_private", 0640, stranger, shared_group);
  make(root + "/read_only", 0444, ordinary, shared_group);
  make(root + "/folder", S_IFDIR | 0755, stranger, shared_group);
  make(root + "/folder/inside", 0604, stranger, other_group);
  make(root + "/sticky", S_IFDIR | 01777, 0, 0);
  make(root + "/setgid_folder", S_IFDIR | 02755, stranger, other_group);
  make(root + "/setgid_folder/below", 0644, 0, 0);
  fs::create_symlink("plain", root + "/link");
  if (getuid() == 0) {
    ASSERT_EQ(lchown((root + "/link").c_str(), stranger, shared_group), 0);
  }
  const timespec long_ago[2] = {{1'000'000'000, 1}, {1'100'000'000, 987'654'321}};
  for (const auto& one : fs::recursive_directory_iterator(root))
    utimensat(AT_FDCWD, one.path().c_str(), long_ago, AT_SYMLINK_NOFOLLOW);
  utimensat(AT_FDCWD, root.c_str(), long_ago, 0);
}

// How many entries differ.
template <class Differ>
std::size_t count(const Tree& from, const Tree& to, Differ differ) {
  std::size_t n = 0;
  for (const auto& [name, entry] : from) n += differ(entry.status, to.at(name).status) ? 1U : 0U;
  return n;
}
struct Difference {
  const char* attribute;
  bool (*differ)(const struct stat&, const struct stat&);
};
const Difference owner = {"owner",
                          [](const struct stat& a, const struct stat& b) { return a.st_uid != b.st_uid; }};
const Difference group = {"group",
                          [](const struct stat& a, const struct stat& b) { return a.st_gid != b.st_gid; }};
const Difference times = {"times", [](const struct stat& a, const struct stat& b) {
                            return a.st_mtim.tv_sec != b.st_mtim.tv_sec ||
                                   a.st_mtim.tv_nsec != b.st_mtim.tv_nsec;
                          }};
const Difference mode = {"permissions", [](const struct stat& a, const struct stat& b) {
                           return ((a.st_mode ^ b.st_mode) & 01777) != 0 ||
                                  // as the owner is the same: else those bits are not to be kept
                                  (a.st_uid == b.st_uid && a.st_gid == b.st_gid && a.st_mode != b.st_mode);
                         }};

// The count that the program told for an attribute; each is told in one sentence.
std::size_t told(const std::string& text, const std::string& beginning, const std::string& attribute) {
  std::size_t n = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::string start = beginning + " the " + attribute + " of ";
    if (!line.starts_with(start)) continue;
    EXPECT_EQ(n, 0U) << "told twice:\n" << text;
    const auto rest = line.substr(start.size());
    n = rest.find(" entries, the first is ") != std::string::npos ? std::stoul(rest) : 1;
  }
  return n;
}

void has_no_more_rights(const Tree& from, const Tree& to) {
  for (const auto& [name, entry] : from) {
    const auto source = entry.status.st_mode, copy = to.at(name).status.st_mode;
    // A folder is ours alone while it is filled; where the mode is refused it stays so.
    const mode_t looked_at = S_ISDIR(source) ? 07077 : 07777;
    EXPECT_EQ(copy & ~source & looked_at, 0U) << name << std::oct << " " << source << " -> " << copy;
    if (S_ISLNK(source)) continue;
    const bool same_owner = entry.status.st_uid == to.at(name).status.st_uid;
    const bool same_group = entry.status.st_gid == to.at(name).status.st_gid;
    EXPECT_FALSE((copy & S_ISUID) != 0 && !same_owner) << name;
    EXPECT_FALSE((copy & S_ISGID) != 0 && !(same_owner && same_group)) << name;
  }
}

void has_all_data(const Tree& from, const Tree& to) {
  ASSERT_EQ(from.size(), to.size());
  for (const auto& [name, entry] : from) {
    ASSERT_TRUE(to.contains(name)) << name;
    EXPECT_EQ(entry.data, to.at(name).data) << name;
    EXPECT_EQ(entry.status.st_mode & S_IFMT, to.at(name).status.st_mode & S_IFMT) << name;
  }
}

enum class Who { root, user };

run_program::Ran copy_refused(const std::string& what, int error, Who who, const std::string& processes,
                              const Folder& folder) {
  const bool becomes = who == Who::user && getuid() == 0;
  chmod(folder.path().c_str(), 0755);
  fs::create_directory(folder / "target");
  if (becomes) {
    EXPECT_EQ(chown((folder / "target").c_str(), ordinary, own_group), 0);
  }
  return run_program::run({"refused", what, std::to_string(error), becomes ? std::to_string(ordinary) : "-",
                           std::to_string(own_group) + "," + std::to_string(shared_group),
                           run_program::path_of("../brood"), "copy", "-P", processes, folder / "from",
                           folder / "target/to"});
}

struct Refused {
  const char* what;
  std::vector<const Difference*> costs;  // what the copy cannot have then
  int error;
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.what << " " << refused.error; }

class CopyRefusedCalls : public testing::TestWithParam<std::tuple<Refused, Who, const char*>> {};

TEST_P(CopyRefusedCalls, cost_an_attribute_that_is_told_once_and_no_data) {
  const auto& [refused, who, processes] = GetParam();
  if (who == Who::root && getuid() != 0) GTEST_SKIP() << "this is an ordinary user";
  const Folder folder;
  make_tree(folder / "from");
  const auto ran = copy_refused(refused.what, refused.error, who, processes, folder);
  if (ran.code == 77) GTEST_SKIP() << "no seccomp filter can be installed here";
  const auto from = tree_at(folder / "from"), to = tree_at(folder / "target/to");
  has_all_data(from, to);
  has_no_more_rights(from, to);
  std::size_t lacking = 0;
  for (const auto* one : {&owner, &group, &times, &mode}) {
    const auto n = count(from, to, one->differ);
    const auto failed = told(ran.err, "brood: could not set", one->attribute);
    EXPECT_EQ(failed + told(ran.err, "brood: note: did not keep", one->attribute), n)
        << one->attribute << '\n'
        << ran.err;
    const bool may_cost = std::find(refused.costs.begin(), refused.costs.end(), one) != refused.costs.end();
    if (!may_cost) {
      EXPECT_EQ(failed, 0U) << one->attribute << '\n' << ran.err;
    }
    lacking += failed;
  }
  // An ordinary user who gives files to nobody needs no chown where all are in his group.
  const bool had_to = !refused.costs.empty() && (getuid() == 0 || std::string(refused.what) != "chown");
  EXPECT_EQ(lacking > 0, had_to) << ran.err;
  EXPECT_EQ(ran.code, lacking > 0 ? 1 : 0) << ran.err;
}

const std::vector<Refused> table = {
    {"none", {}, 0},
    {"chown", {&owner, &group}, EPERM},
    {"chown", {&owner, &group}, EOPNOTSUPP},
    {"chmod", {&mode}, EPERM},
    {"chmod", {&mode}, EROFS},
    {"utimens", {&times}, EPERM},
    {"utimens", {&times}, ENOSYS},
    // A copy needs none of these.
    {"setxattr", {}, EPERM},
    {"link", {}, EPERM},
    {"mknod", {}, EPERM},
    {"fsync", {}, EIO},
};

std::string name_of(const testing::TestParamInfo<CopyRefusedCalls::ParamType>& info) {
  const auto& [refused, who, processes] = info.param;
  return std::string(refused.what) + "_" + std::to_string(refused.error) +
         (who == Who::root ? "_root_P" : "_user_P") + processes;
}

INSTANTIATE_TEST_SUITE_P(each, CopyRefusedCalls,
                         testing::Combine(testing::ValuesIn(table), testing::Values(Who::root, Who::user),
                                          testing::Values("1", "2")),
                         name_of);

TEST(CopyRights, keep_the_group_and_drop_setuid_where_the_owner_cannot_be_kept) {
  if (getuid() != 0) GTEST_SKIP() << "only root can make files of others";
  const Folder folder;
  make_tree(folder / "from");
  const auto ran = copy_refused("none", 0, Who::user, "2", folder);
  if (ran.code == 77) GTEST_SKIP() << "no seccomp filter can be installed here";
  EXPECT_EQ(ran.code, 0) << ran.err;
  const auto to = tree_at(folder / "target/to");
  const auto is = [&](const char* name, mode_t permissions, gid_t gid) {
    EXPECT_EQ(to.at(name).status.st_mode & 07777, permissions) << name;
    EXPECT_EQ(to.at(name).status.st_gid, gid) << name;
    EXPECT_EQ(to.at(name).status.st_uid, ordinary) << name;
  };
  is("setuid", 0755, own_group);
  is("setgid", 0755, own_group);
  is("of_root", 0755, own_group);
  is("ours_setuid", 04755, own_group);
  is("shared", 0644, shared_group);
  is("shared_private", 0640, shared_group);
  is("folder", 0755, shared_group);
  is("setgid_folder", 0755, own_group);
  EXPECT_EQ(to.at("link").status.st_gid, shared_group);
}

TEST(CopyRights, give_each_file_its_group_also_in_a_folder_that_hands_on_its_own) {
  if (getuid() != 0) GTEST_SKIP() << "only root can make such a folder";
  for (const mode_t target_mode : {02777, 0777}) {
    const Folder folder;
    make_tree(folder / "from");
    make(folder / "to", S_IFDIR | target_mode, 0, other_group);
    const auto ran =
        run_program::run({run_program::path_of("../brood"), "copy", folder / "from", folder / "to"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const auto from = tree_at(folder / "from"), to = tree_at(folder / "to");
    for (const auto* one : {&owner, &group, &times, &mode})
      EXPECT_EQ(count(from, to, one->differ), 0U) << one->attribute;
  }
}

}  // namespace
