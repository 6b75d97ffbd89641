// A program confines itself after init: confined WHAT METHOD, or confined WHAT pool. It prints what the start
// said, then what it and a child of a renewed server are.

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <cstring>

#include "program_support.hpp"

namespace {

std::string line_of_status(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return line.substr(std::strlen(key));
  }
  return "?";
}

std::string link_to(const char* path) {
  char target[64]{};
  return readlink(path, target, sizeof target - 1) > 0 ? target : "?";
}

std::string look(std::string what) {
  if (what == "user") return std::to_string(getuid()) + " " + std::to_string(getegid());
  if (what == "groups") return line_of_status("Groups:");
  if (what == "capabilities") return line_of_status("CapPrm:");
  if (what == "effective") return line_of_status("CapEff:");
  if (what == "bounding") return line_of_status("CapBnd:");
  if (what == "no_new_privs") return line_of_status("NoNewPrivs:");
  if (what == "seccomp") return line_of_status("Seccomp:");
  if (what == "chroot") {
    struct stat root {};
    stat("/", &root);
    return std::to_string(root.st_ino);
  }
  return link_to(("/proc/self/ns/" + (what == "user_namespace" ? "user" : what)).c_str());
}

bool drop_capability(bool permitted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct halves[2]{};
  if (syscall(SYS_capget, &header, halves) != 0) return false;
  if ((halves[0].permitted & 1U << CAP_NET_RAW) == 0) return false;
  halves[0].effective &= ~(1U << CAP_NET_RAW);
  if (permitted) halves[0].permitted &= ~(1U << CAP_NET_RAW);
  return syscall(SYS_capset, &header, halves) == 0;
}

// One that allows everything.
bool install_filter() {
  sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const sock_fprog program{1, &allow};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;  // as root without no_new_privs
}

bool confine(const std::string& what, const char* folder) {
  // Also the user that one is in a namespace which maps none: there would be no change.
  if (what.starts_with("user") && getuid() == 65534) return false;
  if (what == "user") return setgid(65534) == 0 && setuid(65534) == 0;
  if (what == "groups") {
    const gid_t groups[] = {33, 44};
    return setgroups(2, groups) == 0;
  }
  if (what == "capabilities") return drop_capability(true);
  if (what == "effective") return drop_capability(false);
  if (what == "bounding") return prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) == 0;
  if (what == "no_new_privs") {
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  }
  if (what == "seccomp") return install_filter();
  if (what == "chroot") return chroot(folder) == 0 && chdir("/") == 0;
  if (what == "mnt") return unshare(CLONE_NEWNS) == 0;
  if (what == "net") return unshare(CLONE_NEWNET) == 0;
  if (what == "ipc") return unshare(CLONE_NEWIPC) == 0;
  if (what == "uts") return unshare(CLONE_NEWUTS) == 0;
  if (what == "cgroup") return unshare(CLONE_NEWCGROUP) == 0;
  if (what == "pid") return unshare(CLONE_NEWPID) == 0;
  return unshare(CLONE_NEWUSER) == 0;
}

template <class F>
void told(F f) {
  try {
    f();
  } catch (const brood::UsageError& e) {
    say("UsageError: %s\n", e.what());
  } catch (const brood::StartFailed& e) {
    say("StartFailed: %s\n", e.what());
  } catch (const brood::Error& e) {
    say("Error: %s\n", e.what());
  }
}

void tell(brood::Queue<std::string> to, std::string what) { to.put(look(what)); }

std::string seen_in_child(const std::string& where, const std::string& what) {
  if (where == "pool") {
    brood::Pool pool({.processes = 1, .max_tasks_per_child = 1});
    const auto first = pool.apply(look, what);
    const auto replaced = pool.apply(look, what);
    return first == replaced ? first : first + " and then " + replaced;
  }
  brood::Queue<std::string> answer;
  brood::Process child({.method = method_of(where)}, tell, answer, what);
  child.start();
  child.join();
  return answer.try_get().value_or("nothing");
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const std::string what = argv[1], where = argv[2];
  const bool ends_at_once = where == "end";
  if (!confine(what, argv[3])) {
    say("not allowed\n");
    return 0;
  }
  if (ends_at_once) {
    say("%s\n", look(what).c_str());
    return 0;
  }
  told([&] {
    const auto child = seen_in_child(where, what);
    say("started with %s\n", child == look(what) ? "the same" : "another");
  });
  told([&] {
    brood::renew_server();
    const auto child = seen_in_child(where, what);
    say("program %s child %s\n", look(what).c_str(), child.c_str());
  });
}
