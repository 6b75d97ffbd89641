#include "platform/rights.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace brood::platform {
namespace {

constexpr const char* capability_names[] = {"chown",
                                            "dac_override",
                                            "dac_read_search",
                                            "fowner",
                                            "fsetid",
                                            "kill",
                                            "setgid",
                                            "setuid",
                                            "setpcap",
                                            "linux_immutable",
                                            "net_bind_service",
                                            "net_broadcast",
                                            "net_admin",
                                            "net_raw",
                                            "ipc_lock",
                                            "ipc_owner",
                                            "sys_module",
                                            "sys_rawio",
                                            "sys_chroot",
                                            "sys_ptrace",
                                            "sys_pacct",
                                            "sys_admin",
                                            "sys_boot",
                                            "sys_nice",
                                            "sys_resource",
                                            "sys_time",
                                            "sys_tty_config",
                                            "mknod",
                                            "lease",
                                            "audit_write",
                                            "audit_control",
                                            "setfcap",
                                            "mac_override",
                                            "mac_admin",
                                            "syslog",
                                            "wake_alarm",
                                            "block_suspend",
                                            "audit_read",
                                            "perfmon",
                                            "bpf",
                                            "checkpoint_restore"};

std::string name_of_capability(int number) {
  if (number >= static_cast<int>(std::size(capability_names))) return std::to_string(number);
  return std::string("cap_") + capability_names[number];
}

// "cap_net_raw, cap_chown and 7 more"
std::string names_of_capabilities(std::uint64_t all) {
  constexpr int most = 3;
  std::string text;
  for (int told = 0; all != 0; all &= all - 1, ++told) {
    if (told == most && std::popcount(all) > 1)
      return text + " and " + std::to_string(std::popcount(all)) + " more";
    text += (told == 0 ? "" : ", ") + name_of_capability(std::countr_zero(all));
  }
  return text;
}

void add(std::string& all, const std::string& one) { all += (all.empty() ? "" : ", ") + one; }

Capabilities read_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct halves[2]{};
  if (syscall(SYS_capget, &header, halves) != 0) return {};
  const auto whole = [&](auto member) {
    return std::uint64_t{halves[1].*member} << 32 | std::uint64_t{halves[0].*member};
  };
  return {whole(&__user_cap_data_struct::effective), whole(&__user_cap_data_struct::permitted),
          whole(&__user_cap_data_struct::inheritable)};
}

// The mount ID distinguishes a mount namespace from its copy, in which folder and device are the same.
void read_root(Rights& now) {
  struct statx root {};
  if (statx(AT_FDCWD, "/", AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID, &root) != 0) return;
  now.root = {std::uint64_t{root.stx_dev_major} << 32 | root.stx_dev_minor, root.stx_ino,
              (root.stx_mask & STATX_MNT_ID) != 0 ? root.stx_mnt_id : 0};
}

// The last one is the namespace of children.
constexpr const char* namespace_names[] = {"user", "net", "ipc", "uts", "cgroup", "pid_for_children"};
constexpr std::size_t pid_space = 5;

std::uint64_t namespace_number(const char* name) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/thread-self/ns/%s", name);
  char target[64];
  const ssize_t n = readlink(path, target, sizeof target - 1);
  if (n <= 0) return 0;
  target[n] = 0;
  const char* open = std::strchr(target, '[');
  return open != nullptr ? std::strtoull(open + 1, nullptr, 10) : 0;
}

}  // namespace

void read_rights(Rights& now) {
  auto& id = now.identity;
  getresuid(&id[0], &id[1], &id[2]);
  getresgid(&id[3], &id[4], &id[5]);
  now.groups.resize(now.groups.capacity());
  int n = getgroups(static_cast<int>(now.groups.size()), now.groups.data());
  if (n < 0 || now.groups.empty()) {  // the buffer is too small, or empty
    now.groups.resize(static_cast<std::size_t>(getgroups(0, nullptr)) + 1);
    n = getgroups(static_cast<int>(now.groups.size()), now.groups.data());
  }
  now.groups.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  now.capabilities = read_capabilities();
  now.no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  now.seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
  read_root(now);
}

std::string drop_capabilities_beyond(const Capabilities& most) {
  const auto now = read_capabilities();
  const Capabilities to{now.effective & most.effective, now.permitted & most.permitted,
                        now.inheritable & most.inheritable};
  if (to == now) return {};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct halves[2]{};
  for (int i = 0; i < 2; ++i) {
    halves[i] = {static_cast<std::uint32_t>(to.effective >> 32 * i),
                 static_cast<std::uint32_t>(to.permitted >> 32 * i),
                 static_cast<std::uint32_t>(to.inheritable >> 32 * i)};
  }
  if (syscall(SYS_capset, &header, halves) == 0) return {};
  return std::string("capset to the capabilities of the program: ") + std::strerror(errno);
}

void read_confinement(Confinement& now) {
  now.bounding = 0;
  for (int number = 0; number < 64; ++number) {
    const int there = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
    if (there < 0) break;
    now.bounding |= std::uint64_t{there != 0} << number;
  }
  now.filters = 0;
  const int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
  char text[16384];
  const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
  if (fd >= 0) close(fd);
  text[n > 0 ? n : 0] = 0;
  constexpr const char* key = "\nSeccomp_filters:";
  if (const char* at = std::strstr(text, key)) {
    now.filters = static_cast<std::uint32_t>(std::strtoul(at + std::strlen(key), nullptr, 10));
  }
  for (std::size_t i = 0; i < now.namespaces.size(); ++i) {
    now.namespaces[i] = namespace_number(namespace_names[i]);
  }
  // A pid namespace that contains no process yet has no number.
  if (now.namespaces[pid_space] == 0 && now.namespaces[0] != 0) now.namespaces[pid_space] = 1;
}

std::string changes_that_confine(const Rights& then, const Rights& now) {
  std::string all;
  if (then.identity != now.identity) add(all, "changed its user or group");
  if (then.groups != now.groups) add(all, "changed its supplementary groups");
  const Capabilities &had = then.capabilities, &has = now.capabilities;
  if (const auto dropped = had.permitted & ~has.permitted) {
    add(all, "dropped capabilities (" + names_of_capabilities(dropped) + ")");
  } else if (const auto lowered = (had.effective & ~has.effective) | (had.inheritable & ~has.inheritable)) {
    add(all, "lowered capabilities (" + names_of_capabilities(lowered) + ")");
  }
  if (now.no_new_privileges && !then.no_new_privileges) add(all, "set no_new_privs");
  if (then.seccomp != now.seccomp) add(all, "installed seccomp filters");
  if (then.root != now.root)
    add(all, "changed its root folder (chroot, pivot_root) or its namespace of mounts");
  return all;
}

std::string changes_that_confine(const Confinement& then, const Confinement& now) {
  std::string all;
  if (const auto dropped = then.bounding & ~now.bounding) {
    add(all, "dropped capabilities from its bounding set (" + names_of_capabilities(dropped) + ")");
  }
  if (then.filters != now.filters) add(all, "installed seccomp filters");
  for (std::size_t i = 0; i < now.namespaces.size(); ++i) {
    if (then.namespaces[i] == 0 || now.namespaces[i] == 0 || then.namespaces[i] == now.namespaces[i])
      continue;
    add(all, std::string("entered another namespace (") + namespace_names[i] + ")");
  }
  return all;
}

bool children_are_in_another_pid_namespace(const Confinement& now) {
  const auto own = namespace_number("pid");
  return own != 0 && now.namespaces[pid_space] != 0 && now.namespaces[pid_space] != own;
}

}  // namespace brood::platform
