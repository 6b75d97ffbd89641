// brood as the first process of a container: a pid namespace of its own. container outer|inner METHOD
// [without-proc]

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <csignal>

#include "program_support.hpp"

namespace {

int square(int n) {
  if (n == 3) std::raise(SIGKILL);
  return n * n;
}

int run_inside(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Process child({.method = method_of(argv[2])}, [] { std::exit(getppid() == 1 ? 5 : 6); });
  child.start();
  child.join();
  brood::Pool pool(2);
  std::string results;
  for (auto&& [n, outcome] : pool.imap(square, std::vector<int>{1, 2, 3, 4}).outcomes()) {
    results += outcome ? " " + std::to_string(*outcome) : " died";
  }
  say("pid %d child %d results%s\n", getpid(), child.exitcode().value(), results.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (std::string_view(argv[1]) == "inner") return run_inside(argc, argv);
  constexpr int spaces = CLONE_NEWPID | CLONE_NEWNS;
  if (unshare(spaces) != 0 && unshare(spaces | CLONE_NEWUSER) != 0) {
    say("not allowed\n");
    return 0;
  }
  const pid_t pid = fork();
  if (pid == 0) {
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        (argc > 3 ? umount2("/proc", MNT_DETACH) : mount("proc", "/proc", "proc", 0, nullptr)) != 0) {
      say("not allowed\n");
      _exit(0);
    }
    const char* inner[] = {argv[0], "inner", argv[2], nullptr};
    execv(argv[0], const_cast<char**>(inner));
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
