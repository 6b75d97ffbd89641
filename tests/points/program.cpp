#include "program.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <vector>

#include "stage.hpp"

namespace points {
namespace {

int stage_descriptor = -1;

void map_stage() {
  void* at = mmap(nullptr, sizeof(Stage), PROT_READ | PROT_WRITE, MAP_SHARED, stage_descriptor, 0);
  if (at == MAP_FAILED) throw std::runtime_error("mmap of the stage");
  stage_page = static_cast<Stage*>(at);
}

struct Seen {
  int parent = 0;
  char state = 0;
  std::string name;
};

std::map<int, Seen> all_processes() {
  std::map<int, Seen> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    Seen seen;
    if (close == std::string::npos || open == std::string::npos ||
        std::sscanf(text.c_str() + close + 1, " %c %d", &seen.state, &seen.parent) != 2) {
      continue;
    }
    seen.name = text.substr(open + 1, close - open - 1);
    all.emplace(pid, std::move(seen));
  }
  return all;
}

std::vector<int> descendants(const std::map<int, Seen>& all) {
  std::vector<int> found;
  for (const auto& [pid, seen] : all) {
    int above = seen.parent;
    for (int depth = 0; depth < 20 && above > 1 && above != getpid(); ++depth) {
      const auto it = all.find(above);
      above = it == all.end() ? 0 : it->second.parent;
    }
    if (above == getpid()) found.push_back(pid);
  }
  return found;
}

}  // namespace

void make_stage() {
  stage_descriptor = memfd_create("stage", 0);  // the program inherits it
  if (stage_descriptor < 0 || ftruncate(stage_descriptor, sizeof(Stage)) != 0) {
    throw std::runtime_error("no memory for the stage");
  }
  map_stage();
}

void enter_stage(int descriptor) {
  stage_descriptor = descriptor;
  map_stage();
  close(descriptor);
}

void adopt_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

std::string describe_descendants() {
  const auto all = all_processes();
  std::string text;
  for (const int pid : descendants(all)) {
    const auto& seen = all.at(pid);
    std::ifstream call("/proc/" + std::to_string(pid) + "/syscall");
    std::string what;
    std::getline(call, what);
    text += "\n    pid " + std::to_string(pid) + " of " + std::to_string(seen.parent) + " (" + seen.name +
            ") " + seen.state + " in " + what;
  }
  return text;
}

Program::Program(const std::string& scenario, std::chrono::milliseconds patience) : patience_(patience) {
  stage().order.store(0);
  stage().done.store(0);
  const auto descriptor = std::to_string(stage_descriptor);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork of the program under test");
  if (pid_ == 0) {
    execl("/proc/self/exe", "brood_points", "--under-test", scenario.c_str(), descriptor.c_str(),
          static_cast<char*>(nullptr));
    _exit(127);
  }
}

Program::~Program() {
  if (!ended_) {
    kill(pid_, SIGKILL);
    await_nobody();
  }
}

// All that have ended; true when nobody is left.
bool Program::reap() {
  for (;;) {
    int status = 0;
    const pid_t one = waitpid(-1, &status, WNOHANG | __WALL);
    if (one < 0) return errno == ECHILD;
    if (one == 0) return false;
    if (one == pid_ && !WIFSTOPPED(status)) {
      ended_ = true;
      status_ = status;
    }
  }
}

bool Program::ended() {
  if (!ended_) {
    const pid_t one = waitpid(pid_, &status_, WNOHANG);
    ended_ = one == pid_ || (one < 0 && errno == ECHILD);
  }
  return ended_;
}

std::string Program::await_nobody() {
  const auto until = std::chrono::steady_clock::now() + patience_;
  while (!reap()) {
    if (std::chrono::steady_clock::now() > until) {
      std::string left = "descendants live on after the program's death:" + describe_descendants();
      for (const int pid : descendants(all_processes())) kill(pid, SIGKILL);
      while (!reap()) usleep(1000);
      return left;
    }
    usleep(300);
  }
  return {};
}

std::string Program::end() {
  stage().order.store(~0U);
  ring();
  if (!wait_for([&] { return ended(); }, patience_)) {
    return "the program does not end:" + describe_descendants();
  }
  if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) return "the program ended with an error";
  return await_nobody();
}

}  // namespace points
