#pragma once
// Sets owner, group, mode and times of copied entries. An attribute that cannot be set is merely left out:
// the data stays and the report counts the missing attributes.

#include <brood/detail/copy_task.hpp>
#include <string>
#include <vector>

#include "base/function_ref.hpp"
#include "platform/file.hpp"

namespace brood::detail {

struct Owner {
  std::uint32_t user = 0, group = 0;
};

/// Receives an attribute that an entry lacks.
using TellLack = FunctionRef<void(const char* attribute, bool expected, std::string why)>;
/// Sets the owner of one entry; returns an errno value.
using SetOwner = FunctionRef<int(std::uint32_t user, std::uint32_t group)>;

/// Adds the lack to the count of the same attribute.
void add_lack(std::vector<CopyLack>& lacks, CopyLack lack);

/// True when give_owner would change anything. Costs no system call.
bool owner_will_change(const platform::FileStatus& source, Owner has, const platform::Identity& us);
/// Sets owner and group to those of the source as far as this user may: the group even if the owner cannot be
/// set.
void give_owner(const platform::FileStatus& source, Owner has, const platform::Identity& us, SetOwner set,
                TellLack tell);
/// Sets the mode; call after give_owner. Bits that are only right with the same owner (setuid, setgid) are
/// dropped when the copy has another one.
void give_mode(const platform::Descriptor& copy, const platform::FileStatus& source, TellLack tell);
void give_times(const platform::Descriptor& copy, const platform::FileStatus& source, TellLack tell);

}  // namespace brood::detail
