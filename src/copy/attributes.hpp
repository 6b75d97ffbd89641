#pragma once
// Owner, group, mode and times of what was copied. An attribute that cannot be set costs nothing but itself:
// the data stays and the report counts what is lacking.

#include <brood/detail/copy_task.hpp>
#include <string>
#include <vector>

#include "base/function_ref.hpp"
#include "platform/file.hpp"

namespace brood::detail {

struct Owner {
  std::uint32_t user = 0, group = 0;
};

/// Takes an attribute that an entry lacks.
using TellLack = FunctionRef<void(const char* attribute, bool expected, std::string why)>;
/// Sets the owner of one entry; an errno value.
using SetOwner = FunctionRef<int(std::uint32_t user, std::uint32_t group)>;

/// Counts it among those of the same attribute.
void add_lack(std::vector<CopyLack>& lacks, CopyLack lack);

/// Would give_owner set anything? Costs no system call.
bool owner_will_change(const platform::FileStatus& source, Owner has, const platform::Identity& us);
/// Owner and group become those of the source as far as this user may set them: the group also where the
/// owner cannot be set.
void give_owner(const platform::FileStatus& source, Owner has, const platform::Identity& us, SetOwner set,
                TellLack tell);
/// After give_owner. Bits that are only right with their owner (setuid, setgid) are dropped where the copy
/// has another.
void give_mode(const platform::Descriptor& copy, const platform::FileStatus& source, TellLack tell);
void give_times(const platform::Descriptor& copy, const platform::FileStatus& source, TellLack tell);

}  // namespace brood::detail
