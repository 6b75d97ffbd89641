// The handler of SIGQUIT: prints which process waits for what to stderr. Async-signal-safe: it uses system
// calls and existing memory, no lock, no allocation. What it reads in shared memory may be corrupt: numbers
// are bounded, texts are cut and stripped of terminal control characters.

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <brood/detail/life.hpp>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "platform/linux/wait_table.hpp"
#include "platform/waits.hpp"

namespace brood::platform {
namespace {

constexpr std::size_t most_lines = 36, most_of_one = 8, most_processes = 512, idle_named = 6;
constexpr std::string_view server = "brood-server";  // the helper processes of each process that has children

struct Process {
  pid_t pid;
  char state;  // as in /proc
  std::array<char, 16> name;
  bool is_server;
  bool has_notes;
};

// Text for stderr, collected so that a line is written as a whole.
class Out {
 public:
  Out& operator<<(std::string_view text) {
    const auto n = std::min(text.size(), sizeof text_ - size_);
    std::memcpy(text_ + size_, text.data(), n);
    size_ += n;
    return *this;
  }
  Out& operator<<(std::uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
  }
  // Text that other processes have written. Bytes of other alphabets are kept.
  void foreign(std::string_view text) {
    char previous = 0;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const bool obeyed = byte < 0x20 || byte == 0x7f || (previous == '\xc2' && byte >= 0x80 && byte < 0xa0);
      *this << std::string_view(obeyed ? "?" : &c, 1);
      previous = c;
    }
  }
  void end_line() {
    if (size_ == sizeof text_) --size_;
    text_[size_++] = '\n';
    for (std::size_t done = 0; done < size_;) {
      const auto n = ::write(2, text_ + done, size_ - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    size_ = 0;
  }

 private:
  char text_[512];
  std::size_t size_ = 0;
};

// Not on the stack: the handler may have little of that.
struct State {
  std::array<Process, most_processes> processes;
  std::size_t count;
  bool sees_children;
  alignas(std::uint64_t) std::array<char, 4096> tasks;  // entries of a directory, as getdents64 lays them out
  std::array<char, 4096> children;
  std::size_t lines, left_out;
  Out out;
};
State all;

int open_of(pid_t process, std::string_view what, std::uint32_t thread = 0, std::string_view of_thread = {}) {
  char path[96];
  char* at = path;
  const auto add = [&](std::string_view text) { at = std::copy(text.begin(), text.end(), at); };
  add("/proc/");
  at = std::to_chars(at, at + 12, process).ptr;
  add(what);
  if (thread != 0) {
    at = std::to_chars(at, at + 12, thread).ptr;
    add(of_thread);
  }
  *at = 0;
  return ::open(path, O_RDONLY | O_CLOEXEC);
}

// Reads name and state of the process; false if there is no such process.
bool look_at(Process& process) {
  char text[512];
  const int file = open_of(process.pid, "/stat");
  if (file < 0) return false;
  const auto n = ::read(file, text, sizeof text);
  ::close(file);
  const std::string_view line(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  const auto begin = line.find('('), end = line.rfind(')');
  if (end == std::string_view::npos || begin >= end || end + 2 >= line.size()) return false;
  const auto name = line.substr(begin + 1, std::min(end - begin - 1, process.name.size() - 1));
  process.name = {};
  std::copy(name.begin(), name.end(), process.name.begin());
  process.state = line[end + 2];
  process.is_server = name == server;
  return true;
}

void add(pid_t pid) {
  if (all.count == most_processes) return;
  for (std::size_t i = 0; i < all.count; ++i) {
    if (all.processes[i].pid == pid) return;
  }
  auto& fresh = all.processes[all.count];
  fresh = {};
  fresh.pid = pid;
  if (look_at(fresh)) ++all.count;
}

void add_children(pid_t process, std::uint32_t thread) {
  const int file = open_of(process, "/task/", thread, "/children");
  if (file < 0) return;
  all.sees_children = true;
  pid_t number = 0;
  for (ssize_t n = 0; (n = ::read(file, all.children.data(), all.children.size())) > 0;) {
    for (ssize_t i = 0; i < n; ++i) {
      const char c = all.children[static_cast<std::size_t>(i)];
      if (c >= '0' && c <= '9') {
        number = static_cast<pid_t>(number * 10 + (c - '0'));
      } else if (number != 0) {
        add(std::exchange(number, 0));
      }
    }
  }
  ::close(file);
}

// Adds the children that any thread of the process has made.
void add_children(pid_t process) {
  struct Entry {  // as getdents64 returns them
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t size;
    std::uint8_t type;
    char name[1];
  };
  const int folder = open_of(process, "/task");
  if (folder < 0) return;
  for (long n = 0; (n = syscall(SYS_getdents64, folder, all.tasks.data(), all.tasks.size())) > 0;) {
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const Entry*>(all.tasks.data() + at);
      std::uint32_t thread = 0;
      const char* const name = entry->name;
      if (std::from_chars(name, name + strnlen(name, 10), thread).ec == std::errc() && thread != 0)
        add_children(process, thread);
      at += entry->size;
    }
  }
  ::close(folder);
}

// If the kernel does not list children: a process that has a note is one of the program's.
void add_noted(const WaitTable& table) {
  for (const auto& entry : table.entries) {
    const auto pid = static_cast<pid_t>(entry.pid.load());
    if (pid > 0) add(pid);
  }
}

void find_processes(const WaitTable& table) {
  all.count = 0;
  all.sees_children = false;
  add(getpid());
  for (std::size_t i = 0; i < all.count; ++i) add_children(all.processes[i].pid);
  if (!all.sees_children) add_noted(table);
}

bool may_print() {
  if (all.lines < most_lines) return ++all.lines, true;
  ++all.left_out;
  return false;
}

void name(const Process& process) {
  all.out.foreign({process.name.data(), strnlen(process.name.data(), process.name.size())});
  all.out << " (pid " << static_cast<std::uint64_t>(process.pid);
}

std::uint64_t seconds_since(std::uint64_t then) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto ns =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  return then < ns ? (ns - then) / 1'000'000'000 : 0;
}

void print(const Process& process, const WaitEntry& entry) {
  if (!may_print()) return;
  all.out << "  ";
  name(process);
  const auto thread = entry.thread.load();
  if (thread != static_cast<std::uint32_t>(process.pid)) all.out << ", thread " << std::uint64_t{thread};
  all.out << ") waits in ";
  all.out.foreign({entry.text.data(), std::min<std::size_t>(entry.size.load(), WaitEntry::most_text)});
  const auto seconds = seconds_since(entry.since.load());
  if (seconds < 600)
    all.out << ", for " << seconds << " s";
  else
    all.out << ", for " << seconds / 60 << " min";
  all.out.end_line();
}

// Prints only some waits of a process with very many threads, so that other processes are seen too.
void print_waits(const WaitTable& table) {
  for (std::size_t i = 0; i < all.count; ++i) {
    auto& process = all.processes[i];
    std::uint64_t n = 0;
    for (const auto& entry : table.entries) {
      if (entry.pid.load() != static_cast<std::uint32_t>(process.pid) || entry.size.load() == 0) continue;
      process.has_notes = true;
      if (entry.idle.load() != 1 && ++n <= most_of_one) print(process, entry);
    }
    if (n <= most_of_one || !may_print()) continue;
    all.out << "  ";
    name(process);
    all.out << ") has " << n - most_of_one << " more threads that wait";
    all.out.end_line();
  }
}

std::string_view words_for(char state) {
  switch (state) {
    case 'S':
    case 'D':
      return " sleeps, in no wait of brood's that has lasted for half a second";
    case 'T':
    case 't':
      return " is stopped";
    case 'Z':
    case 'X':
      return " has ended";
    default:
      return " runs";
  }
}

void print_others() {
  for (std::size_t i = 0; i < all.count; ++i) {
    const auto& process = all.processes[i];
    if (process.is_server || process.has_notes || !may_print()) continue;
    all.out << "  ";
    name(process);
    // This thread runs the handler, whatever it did before.
    all.out << ")"
            << (process.pid == getpid() ? " is in no wait of brood's that has lasted for half a second"
                                        : words_for(process.state));
    all.out.end_line();
  }
}

void print_idle(const WaitTable& table) {
  std::uint64_t n = 0;
  const auto each_idle = [&](auto f) {
    for (std::size_t i = 0; i < all.count; ++i) {
      for (const auto& entry : table.entries) {
        if (entry.pid.load() == static_cast<std::uint32_t>(all.processes[i].pid) && entry.size.load() != 0 &&
            entry.idle.load() == 1)
          f(all.processes[i]);
      }
    }
  };
  each_idle([&](const Process&) { ++n; });
  if (n == 0) return;
  all.out << "  " << n << (n == 1 ? " worker is without a task: " : " workers are without a task: ");
  std::size_t named = 0;
  each_idle([&](const Process& process) {
    if (++named > idle_named) return;
    if (named > 1) all.out << ", ";
    name(process);
    all.out << ")";
  });
  if (n > idle_named) all.out << ", ...";
  all.out.end_line();
}

void report(const WaitTable& table) {
  all.lines = all.left_out = 0;
  find_processes(table);
  if (all.count == 0) {  // no /proc
    all.processes[0] = {};
    all.processes[0].pid = getpid();
    all.count = 1;
  }
  const auto others =
      std::count_if(all.processes.begin(), all.processes.begin() + static_cast<std::ptrdiff_t>(all.count),
                    [](const Process& process) { return !process.is_server; }) -
      1;
  all.out << "brood: SIGQUIT: who waits for what in ";
  name(all.processes[0]);
  all.out << ")";
  if (others > 0)
    all.out << ", with " << static_cast<std::uint64_t>(others)
            << (others == 1 ? " more process" : " more processes");
  all.out.end_line();
  print_waits(table);
  print_others();
  print_idle(table);
  if (all.left_out != 0) {
    all.out << "  and " << std::uint64_t{all.left_out} << " more lines";
    all.out.end_line();
  }
  if (table.refused.load() != 0) {
    all.out << "  (of more than " << std::uint64_t{WaitTable::most} << " waits at once some are not known)";
    all.out.end_line();
  }
}

void handle(int signal) {
  const int error = errno;
  // Not in a copy that the user's own fork or clone made: these processes are not its own.
  if (*detail::process_life != 0 && wait_table() != nullptr) report(*wait_table());
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
  raise(signal);  // delivered when this handler returns
  errno = error;
}

}  // namespace

void report_waits_at_quit() {
  struct sigaction before {};
  if (sigaction(SIGQUIT, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) return;
  struct sigaction ours {};
  ours.sa_handler = &handle;
  ours.sa_flags = SA_ONSTACK | SA_RESETHAND;
  sigaction(SIGQUIT, &ours, nullptr);
}

}  // namespace brood::platform
