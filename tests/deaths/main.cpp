// brood_deaths [--deaths N] [--seed N] [--numbers]: a program dies in every state and way, N times in all;
// printed is how long its last descendant lived on. Exit code 1 when one does not end, or anything is left in
// /dev/shm or /tmp. This side uses nothing of brood.

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <set>
#include <stdexcept>

#include "dying.hpp"

namespace deaths {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int patience = 20;  // seconds

volatile std::sig_atomic_t late = 0;

std::set<std::string> leftovers() {
  std::set<std::string> all;
  for (const char* folder : {"/dev/shm", "/tmp"}) {
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().filename().string().find("brood") != std::string::npos) all.insert(entry.path());
    }
  }
  return all;
}

struct Program {
  pid_t pid;
  int in, out;
};

Program start(const std::string& state, const std::string& way) {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) throw std::runtime_error("no pipe");
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("no process");
  if (pid == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
    execl("/proc/self/exe", "brood_deaths", "--die", state.c_str(), way.c_str(), nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  return {pid, in[1], out[0]};
}

void await_ready(const Program& program) {
  pollfd p{program.out, POLLIN, 0};
  char text[6];
  if (poll(&p, 1, patience * 1000) != 1 || read(program.out, text, sizeof text) != sizeof text)
    throw std::runtime_error("the program does not get ready");
}

void strike(const Program& program, const std::string& way) {
  const int signal = way == "SIGKILL" ? SIGKILL : way == "SIGTERM" ? SIGTERM : way == "SIGINT" ? SIGINT : 0;
  if (signal != 0)
    kill(program.pid, signal);
  else
    static_cast<void>(!write(program.in, "x", 1));
}

// Milliseconds until nobody is left, among whom this process would be the parent of all orphans.
double until_all_are_gone(Clock::time_point since, int& count) {
  late = 0;
  alarm(patience);
  for (;;) {
    const pid_t pid = waitpid(-1, nullptr, __WALL);
    count += pid > 0;
    if (pid < 0 && errno == ECHILD) break;
    if (pid < 0 && late != 0) throw std::runtime_error("descendants live on after the program's death");
  }
  alarm(0);
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

double one(const State& state, const std::string& way, std::mt19937& dice) {
  const Program program = start(state.name, way);
  await_ready(program);
  usleep(static_cast<useconds_t>(dice() % 5000));  // anywhere in what it does
  const auto since = Clock::now();
  strike(program, way);
  int seen = 0;
  const double ms = until_all_are_gone(since, seen);
  close(program.in);
  close(program.out);
  if (seen < state.descendants) throw std::runtime_error("there were too few descendants to begin with");
  return ms;
}

double part(const std::vector<double>& sorted, double p) {
  return sorted.at(
      std::min(sorted.size() - 1, static_cast<std::size_t>(p * static_cast<double>(sorted.size()))));
}

int run(int deaths, unsigned seed, bool numbers) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct sigaction action {};
  action.sa_handler = [](int) { late = 1; };
  sigaction(SIGALRM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const auto before = leftovers();
  std::mt19937 dice(seed);
  std::vector<double> all;
  const auto kinds = states().size() * ways().size();
  const int each = std::max(1, static_cast<int>((static_cast<std::size_t>(deaths) + kinds - 1) / kinds));
  if (!numbers)
    std::printf("%-10s %-8s %6s %9s %9s %9s  ms\n", "state", "death", "times", "p50", "p99", "max");
  for (const auto& state : states()) {
    for (const auto& way : ways()) {
      std::vector<double> took;
      for (int i = 0; i < each; ++i) {
        try {
          took.push_back(one(state, way, dice));
        } catch (const std::exception& e) {
          std::printf("FAILED %s, %s: %s\n", state.name, way.c_str(), e.what());
          return 1;
        }
      }
      all.insert(all.end(), took.begin(), took.end());
      std::sort(took.begin(), took.end());
      if (!numbers)
        std::printf("%-10s %-8s %6zu %9.2f %9.2f %9.2f\n", state.name, way.c_str(), took.size(),
                    part(took, 0.5), part(took, 0.99), took.back());
      std::fflush(stdout);
    }
  }
  std::sort(all.begin(), all.end());
  std::printf(numbers ? "%zu %g %g %g\n" : "all                 %6zu %9.2f %9.2f %9.2f\n", all.size(),
              part(all, 0.5), part(all, 0.99), all.back());
  if (leftovers() != before) {
    std::puts("FAILED: something of brood's is left in /dev/shm or /tmp");
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace deaths

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--die") == 0) return deaths::die(argc, argv, argv[2], argv[3]);
  int deaths = 1000;
  unsigned seed = 1;
  bool numbers = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--deaths") == 0 && i + 1 < argc) {
      deaths = std::atoi(argv[++i]);
    } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = static_cast<unsigned>(std::atoi(argv[++i]));
    } else if (std::strcmp(argv[i], "--numbers") == 0) {
      numbers = true;
    } else {
      std::fputs(
          "brood_deaths [--deaths N] [--seed N] [--numbers]: N deaths of a program (1000) over all states "
          "and\n"
          "  ways, at moments by the seed (1);\n"
          "  how long its last descendant lived on, in milliseconds; --numbers: count, p50, p99, max alone\n",
          stderr);
      return 2;
    }
  }
  return deaths::run(deaths, seed, numbers);
}
