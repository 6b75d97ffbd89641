#pragma once
// That a test leaves nothing behind: no shared memory, no member, no descriptor, no child.

#include <gtest/gtest.h>

#include <brood/queue.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "arena/arena.hpp"
#include "arena/members.hpp"

namespace nothing_left {

inline std::size_t open_descriptors() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n - 1;  // the one that looks
}

/// Pids of this process's children, by what the kernel says.
inline std::vector<int> children() {
  std::vector<int> all;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "children");
    for (int pid = 0; in >> pid;) all.push_back(pid);
  }
  return all;
}

/// Polls until it is so; false when it is not in time. For what nobody can be asked to wait for.
template <class F>
bool soon(F so, std::chrono::seconds patience = std::chrono::seconds(15)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!so()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// The process's first thread sleeps in the kernel: one that has nothing left to do but wait is waiting.
inline bool asleep(int pid) {
  return soon([&] {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(in, text);
    const auto end = text.rfind(") ");
    return end != std::string::npos && text[end + 2] == 'S';
  });
}

/// Compares the shared memory at its beginning and at its end.
class Memory {
 public:
  Memory() {
    { const brood::Queue<int> first; }  // what a process makes once
    chunks_ = brood::arena::chunks_in_use();
    members_ = brood::arena::member_count();
  }
  ~Memory() {
    // Those that were killed are buried a moment after their end is known.
    EXPECT_TRUE(soon([&] { return brood::arena::member_count() == members_; }))
        << brood::arena::member_count() << " members, " << members_ << " before";
    EXPECT_TRUE(soon([&] { return brood::arena::chunks_in_use() <= chunks_; }, std::chrono::seconds(3)))
        << brood::arena::chunks_in_use() << " chunks in use, " << chunks_ << " before";
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

 private:
  std::uint32_t chunks_, members_;
};

}  // namespace nothing_left
