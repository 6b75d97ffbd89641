// Becomes another program, to which the system refuses some calls: refused WHAT ERROR USER GROUPS COMMAND...
// WHAT: chown, chmod, utimens, setxattr, link, mknod, fsync or none. ERROR: what those fail with. USER and
// GROUPS: whom it runs as (the first group is its own), "-" for whoever started it.

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr unsigned fchmodat2 = 452;  // newer than these headers

const std::map<std::string, std::vector<unsigned>> families = {
    {"none", {}},
    {"chown", {SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat}},
    {"chmod", {SYS_chmod, SYS_fchmod, SYS_fchmodat, fchmodat2}},
    {"utimens", {SYS_utimensat, SYS_utimes, SYS_utime, SYS_futimesat}},
    {"setxattr", {SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr}},
    {"link", {SYS_link, SYS_linkat}},
    {"mknod", {SYS_mknod, SYS_mknodat}},
    {"fsync", {SYS_fsync, SYS_fdatasync, SYS_syncfs, SYS_sync_file_range}},
};

bool refuse(const std::vector<unsigned>& calls, unsigned error) {
  std::vector<sock_filter> code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const unsigned call : calls) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool become(const std::string& user, const std::string& groups) {
  if (user == "-") return true;
  std::vector<gid_t> all;
  std::istringstream parts(groups);
  for (std::string one; std::getline(parts, one, ',');) all.push_back(static_cast<gid_t>(std::stoul(one)));
  return setgroups(all.size(), all.data()) == 0 && setgid(all.at(0)) == 0 &&
         setuid(static_cast<uid_t>(std::stoul(user))) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 99;
  // Opened before: that user may not be able to enter the program's folder.
  const int program = open(argv[5], O_PATH | O_CLOEXEC);
  if (!become(argv[3], argv[4])) return 98;
  if (!refuse(families.at(argv[1]), static_cast<unsigned>(std::atoi(argv[2])))) {
    std::puts("not allowed");
    return 77;
  }
  fexecve(program, argv + 5, environ);
  return 97;
}
