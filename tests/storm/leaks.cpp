#include "leaks.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "books.hpp"
#include "process/server.hpp"
#include "processes.hpp"
#include "tasks.hpp"

namespace storm {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// The files that stacks are told from stay open, a few of them: the program's own, and their debug files.
bool is_for_stacks(const fs::path& file, const std::string& mapped) {
  return file.string().starts_with("/usr/lib/debug/") ||
         (file.is_absolute() && mapped.find(" " + file.string() + "\n") != std::string::npos &&
          file.string().find("memfd:") == std::string::npos);
}

std::size_t open_descriptors() {
  std::ostringstream mapped;
  mapped << std::ifstream("/proc/self/maps").rdbuf();
  std::size_t n = 0;
  std::error_code ignored;
  for (const auto& one : fs::directory_iterator("/proc/self/fd"))
    n += !is_for_stacks(fs::read_symlink(one.path(), ignored), mapped.str());
  return n - 1;  // the one that looks
}

std::string descriptors_as_text() {
  std::string text;
  std::error_code ignored;
  for (const auto& one : fs::directory_iterator("/proc/self/fd"))
    text += " " + one.path().filename().string() + "=" + fs::read_symlink(one.path(), ignored).string();
  return text;
}

// In /tmp those that could be ours by their names: the folder is everybody's.
std::set<std::string> our_files() {
  std::set<std::string> all;
  for (const char* folder : {"/dev/shm", "/tmp"}) {
    std::error_code ignored;
    for (const auto& one : fs::directory_iterator(folder, ignored)) {
      const auto name = one.path().filename().string();
      struct stat st {};
      const bool ours = lstat(one.path().c_str(), &st) == 0 && st.st_uid == geteuid();
      const bool others = name.starts_with("brood-test") || name.starts_with("brood-example");
      if (ours && !others && (folder[1] == 'd' || name.find("brood") != std::string::npos))
        all.insert(one.path());
    }
  }
  return all;
}

std::map<std::uint64_t, Run> runs_in_use() {
  using brood::arena::ChunkWord;
  std::map<std::uint64_t, Run> all;
  brood::arena::for_each_in_use([&](std::uint64_t offset, ChunkWord word) {
    if (word.state() == ChunkWord::body) return;
    const auto* first = brood::arena::object_at<std::uint64_t>(offset);
    char text[200];
    std::snprintf(text, sizeof text, " [at %#lx, state %d, owner %u, length %u: %lx %lx]", offset,
                  static_cast<int>(word.state()), word.owner(), word.length(), first[0], first[1]);
    all.emplace(offset, Run{word.generation(), word.owner(), std::max(word.length(), 1U), text});
  });
  return all;
}

// This process is the one that orphans come to: whatever lives below it beside the fork server is a leak.
std::vector<Seen> strays() {
  const auto* control = brood::process::server_link().control();
  std::vector<Seen> all;
  for (auto& seen : all_below(getpid())) {
    const auto pid = static_cast<std::uint32_t>(seen.pid);
    if (pid == control->server.load() || pid == control->standby.load()) continue;
    // A worker's descendants that ended before or after it: whoever outlives a parent has them to reap.
    if (seen.state == 'Z' && seen.parent == getpid() && waitpid(seen.pid, nullptr, WNOHANG) == seen.pid)
      continue;
    all.push_back(std::move(seen));
  }
  return all;
}

bool soon(const std::function<bool()>& so, std::chrono::seconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!so()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// Births work as before; with the next one a server that was killed is reaped.
void try_a_birth() {
  brood::Process next({.name = "storm-a", .daemon = true}, [] {});
  try {
    next.start();
    if (!next.join(60s)) complain(Trouble::hung, "after the round a process does not end");
  } catch (const brood::Error& e) {
    complain(Trouble::wrong, std::string("after the round no process can be made: ") + e.what());
  }
}

}  // namespace

Leaks::Leaks() {
  begin_round(0, 1, 1);
  {
    const Values values;
    brood::Pool pool({.processes = 1, .name = "storm-w"});
    pool.apply(nothing, Spec{});
    pool.apply_async(nothing, Spec{}).add_done_callback([](brood::Outcome<void>) {});
    brood::Process actor({.name = "storm-a", .daemon = true}, put_values, values, 0U, 0U, std::uint64_t{0});
    actor.start();
    actor.join();
  }
  soon([] { return strays().empty(); }, 10s);
  chunks_ = brood::arena::chunks_in_use();
  runs_ = runs_in_use();
  members_ = brood::arena::member_count();
  descriptors_ = open_descriptors();
  files_ = our_files();
}

void Leaks::look_at_chunks() {
  auto now = runs_in_use();
  std::uint64_t chunks = 0;
  std::string which;
  for (const auto& [chunk, run] : now) {
    const auto before = runs_.find(chunk);
    if (before != runs_.end() && before->second.generation == run.generation) continue;
    chunks += run.length;
    which += run.text;
  }
  if (chunks > 0) complain(Trouble::leaked, std::to_string(chunks) + " chunks of the arena:" + which, chunks);
  chunks_ = brood::arena::chunks_in_use();
  runs_ = std::move(now);
}

void Leaks::look() {
  try_a_birth();
  if (!soon([] { return strays().empty(); }, 15s)) {
    for (const auto& seen : strays()) {
      complain(Trouble::leaked, "process " + std::to_string(seen.pid) + " of " + std::to_string(seen.parent) +
                                    " (" + seen.name + ", " + seen.state + ")");
      if (seen.state != 'Z') kill(seen.pid, SIGKILL);
    }
  }
  if (!soon([&] { return brood::arena::member_count() <= members_; }, 15s)) {
    const auto now = brood::arena::member_count();
    complain(Trouble::leaked, std::to_string(now - members_) + " members of the arena", now - members_);
    members_ = now;
  }
  if (!soon([&] { return brood::arena::chunks_in_use() <= chunks_; }, 5s)) look_at_chunks();
  if (!soon([&] { return open_descriptors() <= descriptors_; }, 5s)) {
    const auto now = open_descriptors();
    complain(Trouble::leaked, std::to_string(now - descriptors_) + " descriptors:" + descriptors_as_text(),
             now - descriptors_);
    descriptors_ = now;
  }
  for (const auto& file : our_files()) {
    if (files_.insert(file).second) complain(Trouble::leaked, "file " + file);
  }
}

}  // namespace storm
