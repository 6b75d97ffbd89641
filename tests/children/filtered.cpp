// A seccomp filter refuses a system call: filtered WHAT METHOD. clone-parent: clone with CLONE_PARENT, EPERM;
// clone3: ENOSYS, as Docker's profile does; docker: all that profile refuses; no-room: clone with
// CLONE_PARENT, EAGAIN, as if there were too many processes; no-pidfd: pidfd_open, ENOSYS, as in valgrind.

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "program_support.hpp"

namespace {

bool install(std::vector<sock_filter> code) {
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

constexpr auto number = static_cast<unsigned>(offsetof(seccomp_data, nr));
constexpr auto first_argument = static_cast<unsigned>(offsetof(seccomp_data, args));  // its low half
constexpr unsigned refuse = SECCOMP_RET_ERRNO;

bool refuse_clone_parent(unsigned error) {
  return install({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
                  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first_argument),
                  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_PARENT, 0, 1),
                  BPF_STMT(BPF_RET | BPF_K, refuse | error), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)});
}

bool know_nothing_of(unsigned call) {
  return install({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
                  BPF_STMT(BPF_RET | BPF_K, refuse | ENOSYS), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)});
}

// What Docker's default profile lets nobody do who has none of the capabilities that it asks for.
bool refuse_as_docker() {
  constexpr unsigned new_namespace = 0x7e020000;  // CLONE_NEW...: cgroup, uts, ipc, user, pid, net and mnt
  std::vector<sock_filter> code = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse | ENOSYS),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first_argument),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, new_namespace, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  for (const unsigned call : {SYS_acct,
                              SYS_add_key,
                              SYS_bpf,
                              SYS_clock_adjtime,
                              SYS_clock_settime,
                              SYS_delete_module,
                              SYS_fanotify_init,
                              SYS_finit_module,
                              SYS_get_mempolicy,
                              SYS_init_module,
                              SYS_ioperm,
                              SYS_iopl,
                              SYS_kcmp,
                              SYS_kexec_file_load,
                              SYS_kexec_load,
                              SYS_keyctl,
                              SYS_lookup_dcookie,
                              SYS_mbind,
                              SYS_mount,
                              SYS_move_pages,
                              SYS_nfsservctl,
                              SYS_open_by_handle_at,
                              SYS_perf_event_open,
                              SYS_pivot_root,
                              SYS_process_vm_readv,
                              SYS_process_vm_writev,
                              SYS_ptrace,
                              SYS_quotactl,
                              SYS_reboot,
                              SYS_request_key,
                              SYS_set_mempolicy,
                              SYS_setns,
                              SYS_settimeofday,
                              SYS_swapon,
                              SYS_swapoff,
                              SYS_umount2,
                              SYS_unshare,
                              SYS_userfaultfd,
                              SYS_vhangup,
                              SYS_io_uring_setup,
                              SYS_io_uring_enter,
                              SYS_io_uring_register}) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, refuse | EPERM));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return install(code);
}

int refuse_a_pool() {
  brood::Process child([] { std::exit(5); });
  child.start();
  child.join();
  say("%d\n", child.exitcode().value());
  try {
    brood::Pool pool(1);
    say("a pool\n");
  } catch (const brood::OsError& e) {
    say("%s\n", e.what());
  }
  return 0;
}

int exit_code_of(brood::Process& child) {
  child.start();
  child.join();
  return child.exitcode().value();
}

// Whoever asks after a process that could not be made is told why.
int fail_to_start() {
  const auto told = [](auto f) {
    try {
      f();
      say("nothing\n");
    } catch (const brood::StartFailed& e) {
      say("%s\n", e.what());
    }
  };
  for (int i = 0; i < 6; ++i) {
    brood::Process child({.name = "refused"}, [] {});
    child.start();
    if (i == 0) told([&] { child.pid(); });
    if (i == 1) told([&] { child.join(); });
    if (i == 2) told([&] { child.join(std::chrono::hours(1)); });
    if (i == 3) told([&] { child.is_alive(); });
    if (i == 4) told([&] { static_cast<void>(child.exitcode()); });
    if (i == 5) told([&] { child.terminate(); });
    static_cast<void>(child.to_string());
  }
  brood::Process unasked([] {});
  unasked.start();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const auto filter = [&] {
    if (what == "clone3") return know_nothing_of(SYS_clone3);
    if (what == "no-pidfd") return know_nothing_of(SYS_pidfd_open);
    if (what == "docker") return refuse_as_docker();
    return refuse_clone_parent(what == "no-room" ? EAGAIN : EPERM);
  };
  // A spawned copy has the filter from its parent.
  if (std::getenv("BROOD_BIRTH") == nullptr && !filter()) {
    say("not allowed\n");
    return 0;
  }
  brood::init(argc, argv);
  const auto method = method_of(argv[2]);
  if (what == "no-room") return fail_to_start();
  if (what == "no-pidfd") return refuse_a_pool();
  const pid_t me = getpid();
  brood::Process plain({.method = method}, [] { std::exit(5); });
  brood::Process killed({.method = method}, [] { abort(); });
  brood::Process above(
      {.method = method}, [](int caller) { std::exit(getppid() == caller ? 1 : 2); }, me);
  brood::Process nested(
      {.method = method},
      [](brood::StartMethod m) {
        brood::Process below({.method = m}, [] { std::exit(7); });
        std::exit(exit_code_of(below));
      },
      method);
  const int a = exit_code_of(plain);
  const int b = exit_code_of(killed);
  const int c = exit_code_of(above);
  const int d = exit_code_of(nested);
  say("%d %d parent=%s nested=%d\n", a, b, c == 1 ? "caller" : "server", d);
  if (what == "docker") {
    brood::Pool pool(2);
    const brood::CallOptions limited{.time_limit = std::chrono::milliseconds(50)};
    auto late = pool.apply_async(limited, [] { wait_for_ever(); });
    late.wait();
    say("%d %s\n", pool.apply([](int i) { return 2 * i; }, 4), late.successful() ? "?" : "late");
  }
  // Now to be killed, with a child.
  brood::Process stays({.method = method}, [] {
    say("child %d\n", getpid());
    wait_for_ever();
  });
  stays.start();
  wait_for_ever();
}
