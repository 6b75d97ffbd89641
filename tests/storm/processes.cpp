#include "processes.hpp"

#include <dirent.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <utility>

namespace storm {

std::optional<Seen> look_at(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  const auto open = line.find('(');
  const auto close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 4 > line.size()) return std::nullopt;
  Seen seen{pid, 0, line[close + 2], line.substr(open + 1, close - open - 1)};
  seen.parent = std::atoi(line.c_str() + close + 4);
  return seen;
}

std::vector<int> children_of(int pid) {
  std::vector<int> all;
  const std::string folder = "/proc/" + std::to_string(pid) + "/task";
  DIR* const threads = opendir(folder.c_str());
  if (threads == nullptr) return all;
  while (const dirent* entry = readdir(threads)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream in(folder + "/" + entry->d_name + "/children");
    for (int child = 0; in >> child;) all.push_back(child);
  }
  closedir(threads);
  return all;
}

std::vector<Seen> all_below(int pid) {
  std::vector<Seen> all;
  const std::function<void(int)> add = [&](int of) {
    for (const int child : children_of(of)) {
      if (auto seen = look_at(child)) all.push_back(std::move(*seen));
      add(child);
    }
  };
  add(pid);
  return all;
}

std::string tree_below(int pid) {
  std::string text;
  for (const auto& seen : all_below(pid)) {
    std::ifstream in("/proc/" + std::to_string(seen.pid) + "/wchan");
    std::string where;
    std::getline(in, where);
    text += "  " + std::to_string(seen.pid) + " of " + std::to_string(seen.parent) + ' ' + seen.state + ' ' +
            seen.name + ' ' + where + '\n';
  }
  return text;
}

Victim::Victim(int pid, int parent) {
  fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd_ < 0) return;
  // Looked at after it was opened: it is the one that was meant, or nobody.
  const auto seen = look_at(pid);
  if (!seen || seen->parent != parent || seen->state == 'Z' || seen->state == 'X') {
    close(std::exchange(fd_, -1));
    return;
  }
  pid_ = pid;
}
Victim::Victim(Victim&& other) noexcept : pid_(other.pid_), fd_(std::exchange(other.fd_, -1)) {}
Victim& Victim::operator=(Victim&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(fd_, other.fd_);
  return *this;
}
Victim::~Victim() {
  if (fd_ >= 0) close(fd_);
}

void Victim::signal(int number) const { syscall(SYS_pidfd_send_signal, fd_, number, nullptr, 0); }
void Victim::wait_for_end() const {
  pollfd p{fd_, POLLIN, 0};
  poll(&p, 1, 10'000);
}

}  // namespace storm
