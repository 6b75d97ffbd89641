// Signals to the fork server and its standby: server WHAT METHOD.

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "program_support.hpp"

namespace {

// The processes of that name whose parent this is, the oldest first; dead ones or those that live.
std::vector<pid_t> servers(bool dead = false) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    const auto close = text.rfind(')');
    char state = 0;
    int parent = 0;
    if (close == std::string::npos || std::sscanf(text.c_str() + close + 1, " %c %d", &state, &parent) != 2)
      continue;
    if (parent == getpid() && (state == 'Z') == dead && text.find("(brood-server)") != std::string::npos)
      found.push_back(pid);
  }
  std::sort(found.begin(), found.end());
  return found;
}

void kill_and_see_it_gone(pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  kill(pid, SIGKILL);
  pollfd p{fd, POLLIN, 0};
  poll(&p, 1, 20'000);
  close(fd);
}

// The standby first. A server that is awake just then makes a new one, so again until nobody is left.
void kill_both_for_good() {
  for (auto all = servers(); !all.empty(); all = servers()) kill_and_see_it_gone(all.back());
}

void wait_for_two() {
  for (int i = 0; i < 20'000 && servers().size() != 2; ++i) usleep(1000);
}

// Takes the signal at the program's death from a process, as a kernel does that loses it. False where that is
// not allowed.
bool make_deaf(pid_t pid) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  int deaf = 0;
  for (int number = 3; number < 64; ++number) {
    const int fd = static_cast<int>(syscall(SYS_pidfd_getfd, process, number, 0));
    if (fd < 0 && errno == EPERM) return false;
    const int flags = fd < 0 ? 0 : fcntl(fd, F_GETFL);
    if ((flags & O_ASYNC) != 0) deaf += fcntl(fd, F_SETFL, flags & ~O_ASYNC) == 0;
    if (fd >= 0) close(fd);
  }
  close(process);
  return deaf == 1;
}

int start_one(brood::StartMethod method, int code) {
  brood::Process child(
      {.method = method}, [](int c) { std::exit(c); }, code);
  child.start();
  child.join();
  return child.exitcode().value();
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const std::string_view what = argv[1];
  const auto method = method_of(argv[2]);
  // One start, so that the server is there together with its standby.
  if (start_one(method, 4) != 4) return 1;
  auto all = servers();
  if (all.size() != 2) {
    say("%zu servers\n", all.size());
    return 1;
  }
  try {
    if (what == "interrupt") {
      for (const pid_t pid : all) kill(pid, SIGINT);
      for (const pid_t pid : all) kill(pid, SIGTERM);
    } else if (what == "again") {
      for (int i = 0; i < 10; ++i) {
        kill_and_see_it_gone(servers().at(0));
        if (start_one(method, i) != i) return 1;
      }
    } else if (what == "in-turn") {
      for (int i = 0; i < 6; ++i) {
        wait_for_two();
        kill_and_see_it_gone(servers().at(i % 2 == 0 ? 1 : 0));
        if (start_one(method, i) != i) return 1;
      }
    } else if (what == "unasked") {  // nothing is started in between
      for (int i = 0; i < 5; ++i) {
        wait_for_two();
        kill_and_see_it_gone(servers().at(0));
      }
      wait_for_two();
      if (start_one(method, 6) != 6 || !servers(true).empty()) return 1;
    } else if (what == "deaf") {  // the standby's line is the server's
      say(make_deaf(all[0]) ? "deaf\n" : "not allowed\n");
      raise(SIGKILL);
    } else if (what == "standby") {
      kill_and_see_it_gone(all[1]);
    } else if (what == "both") {
      kill_both_for_good();
    } else if (what == "both-then-renew") {
      kill_both_for_good();
      brood::renew_server();
    } else if (what == "stopped") {
      kill(all[0], SIGSTOP);
      brood::Process child({.method = method}, [] { std::exit(3); });
      child.start();
      if (child.join(std::chrono::milliseconds(100))) return 1;  // slow is not dead
      kill(all[0], SIGCONT);
      child.join();
      say("ended with %d\n", child.exitcode().value());
      return 0;
    } else if (what == "running") {
      brood::Process child(
          {.method = method},
          [](std::string fifo) {
            wait_at(fifo);
            std::exit(9);
          },
          argv[3]);
      child.start();
      static_cast<void>(child.pid());
      kill_and_see_it_gone(all[0]);
      if (start_one(method, 5) != 5) return 1;
      std::ofstream(argv[3]) << "x" << std::flush;
      child.join();
      try {
        say("ended with %d\n", child.exitcode().value());
      } catch (const brood::StatusUnknown&) {
        say("status unknown\n");
      }
      return 0;
    } else {
      kill_and_see_it_gone(all[0]);
    }
    say("ended with %d\n", start_one(method, 5));
  } catch (const brood::StartFailed& e) {
    say("StartFailed: %s\n", e.what());
  }
  return 0;
}
