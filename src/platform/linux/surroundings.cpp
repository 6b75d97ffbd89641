#include "platform/surroundings.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>

#include "base/text.hpp"

extern char** environ;

namespace brood::platform {
namespace {

constexpr int limit_count = 16;  // RLIM_NLIMITS
static_assert(RLIMIT_NOFILE == descriptor_limit);

std::uint32_t read_mask(bool alone) {
  if (alone) {
    const mode_t mask = umask(077);
    umask(mask);
    return mask;
  }
  // With threads, the mask must not change even for an instant; the kernel shows it in a file.
  char text[256] = "";  // the mask is on the second line
  const int status = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
  if (status >= 0) {
    const ssize_t n = read(status, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    close(status);
  }
  constexpr const char* key = "\nUmask:";
  const char* const at = std::strstr(text, key);
  return at != nullptr ? static_cast<std::uint32_t>(std::strtoul(at + std::strlen(key), nullptr, 8)) : 022;
}

// Compares with the string in place: a start that changes nothing writes and allocates nothing.
void read_environment(std::string& to) {
  std::size_t same = 0;
  char** at = environ;
  for (; at != nullptr && *at != nullptr; ++at) {
    const std::size_t n = std::strlen(*at) + 1;
    if (to.size() - same < n || std::memcmp(to.data() + same, *at, n) != 0) break;
    same += n;
  }
  to.resize(same);
  for (; at != nullptr && *at != nullptr; ++at) to.append(*at, std::strlen(*at) + 1);
}

// As in sched_getattr(2): <linux/sched/types.h> cannot be included together with <sched.h>.
constexpr std::uint32_t deadline_policy = 6;  // SCHED_DEADLINE
struct KernelScheduling {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};
static_assert(sizeof(KernelScheduling) == 48);

// As large as the machine's mask, which may be larger than a cpu_set_t.
void read_processors(std::string& to) {
  char mask[1024];
  const long n = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  to.assign(mask, n > 0 ? static_cast<std::size_t>(n) : 0);
}

std::optional<Scheduling> read_scheduling() {
  KernelScheduling now{};
  if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) != 0) return std::nullopt;
  Scheduling found{now.policy, now.priority, now.nice, 0, 0, 0};
  const bool by_deadline = now.policy == deadline_policy;
  // Since Linux 6.12, other policies have a runtime too, which the kernel itself changes.
  if (by_deadline) {
    found.runtime = now.runtime;
    found.deadline = now.deadline;
    found.period = now.period;
  }
  constexpr std::uint64_t reset_on_fork = 1;
  if ((now.flags & reset_on_fork) == 0) return found;
  if (by_deadline || now.policy == SCHED_FIFO || now.policy == SCHED_RR) return Scheduling{};
  found.nice = std::max(found.nice, 0);
  return found;
}

std::string apply_processors(const std::string& mask) {
  if (syscall(SYS_sched_setaffinity, 0, mask.size(), mask.data()) == 0) return {};
  return std::string("sched_setaffinity to the processors of the program: ") + std::strerror(errno);
}

std::string apply_scheduling(const Scheduling& wanted) {
  KernelScheduling to{sizeof to,       wanted.policy, 0, wanted.nice, wanted.priority, wanted.runtime,
                      wanted.deadline, wanted.period};
  if (syscall(SYS_sched_setattr, 0, &to, 0) == 0) return {};
  return "sched_setattr to policy " + std::to_string(wanted.policy) + ", priority " +
         std::to_string(wanted.priority) + ", niceness " + std::to_string(wanted.nice) + ": " +
         std::strerror(errno);
}

std::string apply_limits(const Surroundings& from, const Surroundings& here) {
  for (std::size_t i = 0; i < from.limits.size(); ++i) {
    // Always set the limit of descriptors: the server itself has the one that brood raised.
    if (i != descriptor_limit && i < here.limits.size() && from.limits[i] == here.limits[i]) continue;
    const rlimit limit{from.limits[i].first, from.limits[i].second};
    if (setrlimit(static_cast<__rlimit_resource>(i), &limit) != 0) {
      return "setrlimit of resource " + std::to_string(i) + ": " + std::strerror(errno);
    }
  }
  return {};
}

}  // namespace

namespace {

void read_directory(std::string& to) {
  char directory[4096];
  const long n = syscall(SYS_getcwd, directory, sizeof directory);  // the C library would allocate
  if (n > 0 && directory[0] == '/')
    to.assign(directory);
  else
    to.clear();
}

bool is_here(const Folder& folder) {
  struct stat here {};
  return stat(".", &here) == 0 && here.st_dev == folder.device && here.st_ino == folder.inode;
}

}  // namespace

Folder current_folder() {
  Folder folder;
  read_directory(folder.path);
  struct stat here {};
  if (stat(".", &here) == 0) {
    folder.device = here.st_dev;
    folder.inode = here.st_ino;
  }
  return folder;
}
Folder current_folder(Descriptor& keep) {
  keep = Descriptor(above_standard(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  Folder folder = current_folder();
  folder.number = keep.get();
  return folder;
}

// First by its descriptor number: the path may lead elsewhere by now, or nowhere. By its path if /proc is
// missing.
std::string enter_folder(std::int32_t owner, const Folder& folder) {
  const auto process = "/proc/" + std::to_string(owner);
  const auto there = folder.number < 0 ? process + "/cwd" : process + "/fd/" + std::to_string(folder.number);
  int error = 0;
  for (const auto& path : {there, folder.path}) {
    if (path.empty()) continue;
    error = chdir(path.c_str()) == 0 ? ENOENT : errno;
    if (error == ENOENT && is_here(folder)) return {};
  }
  return "chdir to its working directory" +
         (folder.path.empty() ? ", which has been removed" : " " + folder.path) + ": " + std::strerror(error);
}

void read_surroundings(Surroundings& now, bool alone) {
  read_directory(now.directory);
  now.mask = read_mask(alone);
  read_environment(now.environment);
  now.limits.resize(limit_count);
  for (int i = 0; i < limit_count; ++i) {
    if (i == RLIMIT_RSS || i == RLIMIT_LOCKS) continue;  // Linux ignores them: not worth a call at each start
    rlimit limit{};
    getrlimit(static_cast<__rlimit_resource>(i), &limit);
    now.limits[static_cast<std::size_t>(i)] = {limit.rlim_cur, limit.rlim_max};
  }
  read_processors(now.processors);
  now.scheduling = read_scheduling();
}

std::string apply_surroundings(const Surroundings& from, const Surroundings& here) {
  if (from.environment != here.environment) {
    clearenv();
    for (std::size_t at = 0; at < from.environment.size();) {
      const char* entry = from.environment.c_str() + at;
      at += std::strlen(entry) + 1;
      if (const char* equals = std::strchr(entry, '=')) {
        setenv(std::string(entry, equals).c_str(), equals + 1, 1);
      }
    }
  }
  umask(from.mask);
  if (!from.processors.empty() && from.processors != here.processors) {
    if (auto reason = apply_processors(from.processors); !reason.empty()) return reason;
  }
  const bool scheduled = from.scheduling && from.scheduling != here.scheduling;
  // RLIMIT_NICE and RLIMIT_RTPRIO bound what may be set; the program's may now be lower or higher.
  const bool again = scheduled && !apply_scheduling(*from.scheduling).empty();
  if (auto reason = apply_limits(from, here); !reason.empty()) return reason;
  if (again) {
    if (auto reason = apply_scheduling(*from.scheduling); !reason.empty()) return reason;
  }
  if (!from.directory.empty() && from.directory != here.directory && chdir(from.directory.c_str()) != 0) {
    return "chdir to " + from.directory + ": " + std::strerror(errno);
  }
  return {};
}

std::string apply_own_limits(const Surroundings& server) {
  const auto& [soft, hard] = server.limits.at(descriptor_limit);
  const rlimit limit{soft, hard};
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::string()
                                               : std::string("setrlimit: ") + std::strerror(errno);
}

std::pair<std::uint64_t, std::uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) != 0) return {limit.rlim_cur, limit.rlim_cur};
  return {limit.rlim_cur, limit.rlim_max};
}

void lower_descriptor_limit(std::uint64_t raised, std::uint64_t was) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur != raised) return;
  limit.rlim_cur = was;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t soft_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

void close_descriptors_but(std::initializer_list<int> kept) {
  std::vector<int> keep(kept);
  keep.insert(keep.end(), {0, 1, 2});
  std::sort(keep.begin(), keep.end());
  unsigned from = 0;
  for (const int fd : keep) {
    if (fd < 0) continue;
    const auto here = static_cast<unsigned>(fd);
    if (here > from) close_range(from, here - 1, 0);
    from = std::max(from, here + 1);
  }
  close_range(from, ~0U, 0);
}

void stdin_from_null() {
  const int null = open("/dev/null", O_RDONLY);
  if (null > 0) {
    dup2(null, 0);
    close(null);
  } else if (null < 0) {
    close(0);  // no /dev/null: better no input than the program's
  }
}

bool stderr_into(std::int32_t owner, int write_end_of) {
  const auto path = "/proc/" + std::to_string(owner) + "/fd/" + std::to_string(write_end_of);
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND);
  if (fd < 0) return false;
  if (fd == 2) return true;  // descriptor 2 was closed
  dup2(fd, 2);
  close(fd);
  return true;
}

void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int s = 1; s < NSIG; ++s) {
    if (s != SIGKILL && s != SIGSTOP) sigaction(s, &standard, nullptr);
  }
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
}

void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

namespace {
Word* child_ends = nullptr;
}  // namespace

void count_child_ends(Word& bell) {
  child_ends = &bell;
  struct sigaction action {};
  action.sa_handler = [](int) {
    // A sleeper that has read the bell before finds it changed, so it misses nothing between that and its
    // sleep.
    child_ends->fetch_add(1);
    unpark_all(*child_ends);
  };
  sigaction(SIGCHLD, &action, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGCHLD);
  sigprocmask(SIG_UNBLOCK, &one, nullptr);
}

void stop_counting_child_ends() { signal(SIGCHLD, SIG_DFL); }

void lead_group() { setpgid(0, 0); }

void set_process_name(const std::string& name) {
  constexpr std::size_t most = 15;
  prctl(PR_SET_NAME, std::string(whole_characters(name, most)).c_str(), 0, 0, 0);
}

void on_exit_first(void (*f)(int, void*)) { on_exit(f, nullptr); }

void flush_output() {
  static const std::ios_base::Init streams;  // this may run while a global is initialised
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
}

void line_buffered_output() { setvbuf(stdout, nullptr, _IOLBF, 0); }

void say(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = write(2, text.data() + done, text.size() - done);
    if (n < 0 && errno != EINTR) return;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

int thread_count() {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return 1;
  int n = 0;
  while (const dirent* entry = readdir(tasks)) n += entry->d_name[0] != '.';
  closedir(tasks);
  return n;
}

std::vector<std::string> names_of_other_threads() {
  std::vector<std::string> names;
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return names;
  const auto self = std::to_string(gettid());
  while (const dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] == '.' || self == entry->d_name) continue;
    std::ifstream file(std::string("/proc/self/task/") + entry->d_name + "/comm");
    std::string name;
    if (std::getline(file, name)) names.push_back(std::move(name));
  }
  closedir(tasks);
  return names;
}

bool has_single_thread() { return __libc_single_threaded != 0; }

int machine_processors() { return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))); }

bool variable_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0 && std::strcmp(value, "0") != 0;
}

namespace {

// How many processors' worth of time the cgroup grants, 0 if unlimited.
double quota(const std::string& folder) {
  double amount = -1;
  double period = 100000;
  if (std::ifstream v2(folder + "/cpu.max"); v2) {
    std::string first;
    v2 >> first >> period;
    amount = first == "max" ? -1 : std::strtod(first.c_str(), nullptr);
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> amount;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return amount > 0 && period > 0 ? amount / period : 0;
}

// Limited by the affinity of this thread.
int allowed_processors() {
  cpu_set_t set;
  const int n = machine_processors();
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::min(n, CPU_COUNT(&set)) : n;
}

// Limited by cgroups; the largest number if they set no limit.
int granted_processors() {
  int n = std::numeric_limits<int>::max();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    double limit = 0;
    if (controllers == ",,")
      limit = quota("/sys/fs/cgroup" + path);
    else if (controllers.find(",cpu,") != std::string::npos)
      limit = quota("/sys/fs/cgroup/cpu" + path);
    if (limit > 0) n = std::min(n, static_cast<int>(std::ceil(limit)));
  }
  return std::max(1, n);
}

}  // namespace

int usable_processors() { return std::max(1, std::min(allowed_processors(), granted_processors())); }

int usable_processor_count() {
  static const int granted = granted_processors();
  return std::max(1, std::min(allowed_processors(), granted));
}

}  // namespace brood::platform
