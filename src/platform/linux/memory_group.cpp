// Needs CONFIG_MEMCG. Version 2 allows limits only in groups whose parent contains no process itself. So
// there the new group is a sibling of the process's own, if a session manager has given the parent to the
// user.

#include "platform/memory_group.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

namespace brood::platform {
namespace {

constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();
const std::string mount_point = "/sys/fs/cgroup";
const std::string prefix = "brood-";

std::uint64_t number_in(const std::string& file) {
  std::ifstream in(file);
  std::uint64_t n = unlimited;
  in >> n;  // "max" is no number: unlimited
  return in ? n : unlimited;
}

// Reads a file of lines "NAME NUMBER"; 0 if the name is not in it.
std::uint64_t field_in(const std::string& file, std::string_view name) {
  std::ifstream in(file);
  std::string key;
  for (std::uint64_t n = 0; in >> key >> n;) {
    if (key == name) return n;
  }
  return 0;
}

// In one write: these files interpret each write separately.
bool write_to(const std::string& file, const std::string& text) {
  const int fd = open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return done;
}

std::vector<NamedGroup> own_groups() {
  std::ifstream in("/proc/self/cgroup");
  return memory_groups_in({std::istreambuf_iterator<char>(in), {}}, mount_point);
}

bool has_no_limit(const std::string& folder) {
  for (const char* name : {"/memory.max", "/memory.high", "/pids.max", "/cpu.max"}) {
    std::ifstream in(folder + name);
    std::string text;
    if (in >> text && text != "max") return false;
  }
  return true;
}

// The folder in which a group with a limit may be made for a process of this group; empty if there is none.
std::string parent_for(const NamedGroup& own) {
  if (!own.second_version) return own.folder;
  const auto gives_memory = [](const std::string& folder) {
    std::ifstream in(folder + "/cgroup.subtree_control");
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    return all.find("memory") != std::string::npos;
  };
  if (gives_memory(own.folder)) return own.folder;
  // A sibling group escapes the limits of the own group, so the own group must have none.
  const auto slash = own.folder.rfind('/');
  const auto parent = own.folder.substr(0, slash);
  if (parent.size() <= mount_point.size() || !gives_memory(parent) || !has_no_limit(own.folder)) return {};
  return parent;
}

// Removes groups whose owner was killed before it could remove them. A group that has processes stays.
void sweep(const std::string& parent) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const int owner = std::atoi(name.c_str() + prefix.size());
    if (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH) rmdir(entry.path().c_str());
  }
}

std::string limit_file(bool second_version) {
  return second_version ? "/memory.max" : "/memory.limit_in_bytes";
}

std::string folder_name(Pid owner, Pid member) {
  return "/" + prefix + std::to_string(owner) + "-" + std::to_string(member);
}

}  // namespace

std::vector<NamedGroup> memory_groups_in(const std::string& text, const std::string& root) {
  std::vector<NamedGroup> groups;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto second = line.find(':', line.find(':') + 1);
    if (second == std::string::npos) continue;
    const bool second_version = line.starts_with("0::");
    auto path = line.substr(second + 1);
    if (path == "/") path.clear();
    if (line.find(":memory:") != std::string::npos) groups.push_back({root + "/memory" + path, false});
    if (second_version) groups.push_back({root + path, true});
  }
  return groups;
}

MemoryGroup MemoryGroup::enter(Pid owner, FunctionRef<void(const std::string&)> announce) {
  for (const auto& own : own_groups()) {
    const auto parent = parent_for(own);
    if (parent.empty() || access(parent.c_str(), W_OK) != 0) continue;
    sweep(parent);
    const MemoryGroup group(parent + folder_name(owner, getpid()), own.second_version);
    if (group.folder_.size() > longest_folder) continue;
    announce(group.folder_);
    if (mkdir(group.folder_.c_str(), 0755) != 0) continue;
    if (access((group.folder_ + limit_file(own.second_version)).c_str(), W_OK) == 0 &&
        write_to(group.folder_ + "/cgroup.procs", "0"))
      return group;
    group.remove();
  }
  return {};
}

MemoryGroup MemoryGroup::announced(std::string_view folder, Pid owner, Pid member) {
  const bool sound = folder.starts_with(mount_point + "/") && folder.ends_with(folder_name(owner, member)) &&
                     folder.find("/../") == std::string_view::npos;
  if (!sound) return {};
  const std::string name(folder);
  return MemoryGroup(name, access((name + limit_file(true)).c_str(), F_OK) == 0);
}

void MemoryGroup::limit(std::uint64_t bytes) const {
  const auto file = folder_ + limit_file(second_version_);
  if (bytes == 0) {
    write_to(file, second_version_ ? "max" : "-1");
    return;
  }
  // Version 1 refuses a limit below what is already in use; the limit of the data then applies.
  write_to(file, std::to_string(bytes + field_in(folder_ + "/memory.stat", "shmem")));
}

std::uint64_t MemoryGroup::kills() const {
  return field_in(folder_ + (second_version_ ? "/memory.events" : "/memory.oom_control"), "oom_kill");
}

bool MemoryGroup::remove() const { return rmdir(folder_.c_str()) == 0 || errno != EBUSY; }

std::uint64_t cgroup_memory_left() {
  static const auto groups = own_groups();
  auto left = unlimited;
  for (const auto& group : groups) {
    const auto limit = number_in(group.folder + limit_file(group.second_version));
    if (limit >= (std::uint64_t{1} << 60)) continue;
    // Leave a margin for memory that is never requested here: heaps, stacks, page tables.
    const auto margin = std::min(limit / 16, std::uint64_t{16} << 20);
    const auto usage =
        number_in(group.folder + (group.second_version ? "/memory.current" : "/memory.usage_in_bytes"));
    left = std::min(left, usage >= limit - margin ? 0 : limit - margin - usage);
  }
  return left;
}

}  // namespace brood::platform
