#include "copy/leftovers.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

namespace brood::detail {

namespace {

using platform::Descriptor;
using platform::FileKind;
using platform::FileStatus;
using platform::FileTime;

struct Maker {
  std::uint64_t run = 0, task = 0;
};

// Nothing for a name that temporary_name does not produce.
std::optional<Maker> maker_of(const std::string& name) {
  unsigned long long run = 0, task = 0, n = 0;
  if (std::sscanf(name.c_str(), ".brood-%llx-%llu-%llu", &run, &task, &n) != 3) return {};
  CopyTask made;
  made.roots.run = run;
  made.id = task;
  if (temporary_name(made, n) != name) return {};
  return Maker{run, task};
}

// A folder that cannot be listed is left as it is.
std::vector<std::string> names_in(const Descriptor& folder) {
  std::vector<std::string> names;
  static_cast<void>(platform::list_folder(folder, [&](std::string_view name, FileKind) {
    names.emplace_back(name);
    return true;
  }));
  return names;
}

bool made_since(FileTime begun, const Descriptor& folder, const std::string& name) {
  FileTime birth;
  return platform::birth_in(folder, name, birth) == 0 && birth > begun;
}

// Removes only what the run would have replaced or filled if it had continued.
void remove_if_unfinished(const Descriptor& source, const Descriptor& target, const std::string& name,
                          const std::string& as, FileTime begun) {
  FileStatus from, to;
  if (platform::status_in(target, as, to) != 0 || platform::status_in(source, name, from) != 0) return;
  if (to.kind != from.kind || !made_since(begun, target, as)) return;
  if (to.kind == FileKind::folder) platform::remove_folder_in(target, as);  // refused unless it is empty
  // The source's times are set last; until then a file has the times of its writing.
  if (to.kind == FileKind::file && to.size < from.size && to.modified >= begun)
    platform::remove_in(target, as);
}

}  // namespace

std::string temporary_name(const CopyTask& task, std::uint64_t n) {
  char name[80];
  std::snprintf(name, sizeof name, ".brood-%016llx-%llu-%llu",
                static_cast<unsigned long long>(task.roots.run), static_cast<unsigned long long>(task.id),
                static_cast<unsigned long long>(n));
  return name;
}

void remove_unfinished(const Descriptor& source, const Descriptor& target, const CopyTask& task) {
  const FileTime begun{task.roots.begun, task.roots.begun_ns};
  for (const auto& name : names_in(target)) {
    const auto maker = maker_of(name);
    if (maker && maker->run == task.roots.run && maker->task == task.id)
      platform::remove_in(target, name);
    else if (task.list)
      remove_if_unfinished(source, target, name, name, begun);
  }
  for (const auto& entry : task.entries)
    remove_if_unfinished(source, target, entry.name, entry.as.empty() ? entry.name : entry.as, begun);
}

void remove_leftovers(const Descriptor& target, const CopyRoots& roots) {
  const FileTime begun{roots.begun, roots.begun_ns};
  auto names = names_in(target);
  std::erase_if(names, [&](const std::string& name) {
    const auto maker = maker_of(name);
    return !maker || maker->run == roots.run;
  });
  if (names.empty() || platform::lock_folder(target, platform::Lock::exclusive) != 0) return;
  for (const auto& name : names) {
    // Protects files of other runs where locks do not work, such as between machines: what another run is
    // making now is newer than the start of ours.
    FileStatus status;
    if (platform::status_in(target, name, status) == 0 && status.changed < begun)
      platform::remove_in(target, name);
  }
  platform::lock_folder(target, platform::Lock::none);
}

}  // namespace brood::detail
