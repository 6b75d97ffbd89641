#include "copy/attributes.hpp"

#include <algorithm>

namespace brood {

std::string CopyLack::to_string() const {
  const std::string whose = count == 1 ? path : std::to_string(count) + " entries, the first is " + path;
  return (expected ? "did not keep the " : "could not set the ") + attribute + " of " + whose + ": " + why;
}

namespace detail {

namespace {

bool in_group(const platform::Identity& us, std::uint32_t group) {
  return us.gives_away || std::find(us.groups.begin(), us.groups.end(), group) != us.groups.end();
}

}  // namespace

void add_lack(std::vector<CopyLack>& lacks, CopyLack lack) {
  for (auto& known : lacks) {
    if (known.attribute != lack.attribute || known.expected != lack.expected) continue;
    known.count += lack.count;
    return;
  }
  lacks.push_back(std::move(lack));
}

bool owner_will_change(const platform::FileStatus& source, Owner has, const platform::Identity& us) {
  return (source.user != has.user && us.gives_away) ||
         (source.group != has.group && in_group(us, source.group));
}

void give_owner(const platform::FileStatus& source, Owner has, const platform::Identity& us, SetOwner set,
                TellLack tell) {
  if (source.user != has.user) {
    if (us.gives_away) {
      const int error = set(source.user, source.group);
      if (error == 0) return;
      tell("owner", false, platform::reason(error));
    } else {
      tell("owner", true, "only root may give files to another user");
    }
  }
  if (source.group == has.group) return;
  if (!in_group(us, source.group)) return tell("group", true, "this user is not in the group of the source");
  const int error = set(platform::no_change, source.group);
  if (error != 0) tell("group", false, platform::reason(error));
}

void give_mode(const platform::Descriptor& copy, const platform::FileStatus& source, TellLack tell) {
  constexpr std::uint32_t setuid = 04000, setgid = 02000;
  std::uint32_t mode = source.mode;
  if ((mode & (setuid | setgid)) != 0) {
    // Read back from the file: a network or mapped filesystem may assign files to any owner it likes.
    platform::FileStatus now;
    const bool known = platform::status_of(copy, now) == 0;
    if (!known || now.user != source.user) mode &= ~(setuid | setgid);
    if (!known || now.group != source.group) mode &= ~setgid;
    if (mode != source.mode) tell("setuid and setgid bits", true, "the copy has another owner or group");
    if (known && now.mode == mode) return;
  }
  if (const int error = platform::set_mode(copy, mode)) tell("permissions", false, platform::reason(error));
}

void give_times(const platform::Descriptor& copy, const platform::FileStatus& source, TellLack tell) {
  const int error = platform::set_times(copy, source.accessed, source.modified);
  if (error != 0) tell("times", false, platform::reason(error));
}

}  // namespace detail
}  // namespace brood
